import type { Connection, ConnectionKind } from "./connection.ts";
import {
  type DialectChoices,
  type DialectPatch,
  type DialectProfile,
  type DialectRule,
  dialectRuleNames,
  dialectRules,
} from "./dialect-rules.ts";

// What RFC 7643 and 7644 say, where they leave no doubt; where they leave a choice, the safe one.
const rfc: DialectProfile = {
  unknownAttribute: "refuse",
  removeAllMembers: "permit",
  putWithoutMembers: "keep",
  groupPatchAnswer: "204",
  deletedAgain: "404",
  methodOverride: "refuse",
  textJson: "refuse",
  oldNames: "unknown",
  roleText: "keep",
  lookAlikeNames: "refuse",
};

// No provider needs the 404 of a second DELETE, and some take it for a failure and try for ever. None says
// that all have left but by naming them or by []: one that names nobody has lost the value on its way.
const provider: DialectProfile = { ...rfc, deletedAgain: "204", removeAllMembers: "refuse" };

/** How each kind of sender is read and answered: only what differs from its base is written. */
export const dialectProfiles: Readonly<Record<ConnectionKind, DialectProfile>> = {
  okta: { ...provider, textJson: "permit" },
  // AppRoleAssignmentsComplex writes a role as JSON text.
  entra: { ...provider, roleText: "read" },
  // Its catalogue fixes what is sent: a refusal would hold back a leaver for an attribute that nobody can take out.
  google: { ...provider, unknownAttribute: "ignore" },
  // Its templates grew out of SCIM 1.1.
  onelogin: { ...provider, oldNames: "read" },
  jumpcloud: { ...provider, oldNames: "read" },
  // Its SDK reads the group from the answer, and PingFederate may tunnel PUT, PATCH and DELETE through POST.
  ping: { ...provider, groupPatchAnswer: "200", methodOverride: "permit", oldNames: "read" },
  // As with Google, what is sent is not the admin's to choose.
  rippling: { ...provider, unknownAttribute: "ignore" },
  // It puts whole groups, and leaves `members` out when the last one has left.
  keycloak: { ...provider, putWithoutMembers: "empty" },
  // Old names and roles as JSON text can mean nothing else, whoever sends them.
  scim: { ...rfc, oldNames: "read", roleText: "read" },
};

/** What one request tells of its sender. */
export type SenderHints = { readonly userAgent: string | undefined; readonly query: string | undefined };

/**
 * The rules for one request: the connection's kind, then, where the kind is `scim` and the request
 * tells whose it is, that provider's harmless rules, then what the admin has set.
 */
export function profileOf(
  connection: Pick<Connection, "kind" | "dialect">,
  hints: SenderHints = { userAgent: undefined, query: undefined },
): DialectProfile {
  const detected = connection.kind === "scim" ? detectedKind(hints) : undefined;
  return {
    ...dialectProfiles[connection.kind],
    ...(detected === undefined ? {} : harmlessChoices(dialectProfiles[detected])),
    ...connection.dialect,
  };
}

/** The admin's choices after a change. */
export function changedDialect(choices: DialectChoices, patch: DialectPatch): DialectChoices {
  const kept = dialectRuleNames.flatMap((rule) => {
    const choice = patch[rule] === undefined ? choices[rule] : patch[rule];
    return choice === undefined || choice === null ? [] : [[rule, choice] as const];
  });
  return Object.fromEntries(kept) as DialectChoices;
}

/** One rule of a connection in words, and whether the admin set it. */
export type DescribedRule = {
  readonly rule: DialectRule;
  readonly choice: string;
  readonly means: string;
  readonly from: "kind" | "admin";
};

/** The rules of a connection, for its admin. */
export function describeDialect(connection: Pick<Connection, "kind" | "dialect">): readonly DescribedRule[] {
  const profile = profileOf(connection);
  return dialectRuleNames.map((rule) => {
    const choices: Readonly<Record<string, string>> = dialectRules[rule].choices;
    return {
      rule,
      choice: profile[rule],
      means: choices[profile[rule]] ?? "",
      from: connection.dialect[rule] === undefined ? "kind" : "admin",
    };
  });
}

/** Who can be told by a request, and by what. */
const detectedBy: readonly { readonly kind: ConnectionKind; readonly told: (hints: SenderHints) => boolean }[] = [
  { kind: "okta", told: ({ userAgent = "" }) => /^okta scim client\b/i.test(userAgent) },
  {
    kind: "entra",
    told: ({ userAgent = "", query = "" }) =>
      /^microsoft\b.*\bscim\b/i.test(userAgent) || /(?:^|&)aadOptscim062020(?:=|&|\/|$)/i.test(query),
  },
];

function detectedKind(hints: SenderHints): ConnectionKind | undefined {
  return detectedBy.find(({ told }) => told(hints))?.kind;
}

function harmlessChoices(profile: DialectProfile): DialectChoices {
  const entries = dialectRuleNames.flatMap((rule) =>
    dialectRules[rule].harmless === profile[rule] ? [[rule, profile[rule]] as const] : [],
  );
  return Object.fromEntries(entries) as DialectChoices;
}
