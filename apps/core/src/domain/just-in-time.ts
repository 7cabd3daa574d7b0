import type { Connection } from "./connection.ts";
import { DirectoryError } from "./directory-error.ts";
import type { Json, JsonObject, UserAttributes } from "./directory.ts";
import { profileOf } from "./dialect-profiles.ts";
import { canonicalName } from "./identifier.ts";
import { assertNewName, type LookAlikeNames } from "./new-name.ts";
import { isObject } from "./subject.ts";

/** What tells a service account: a claim that is a value, or begins with it. */
export type ServiceMark =
  | { readonly claim: string; readonly equals: string }
  | { readonly claim: string; readonly prefix: string };

/** How a connection's users are made from verified tokens (design §7). */
export type JustInTime = {
  readonly enabled: boolean;
  /** Which claim fills which attribute. */
  readonly claims: Readonly<Record<string, string>>;
  /** Attributes without which nobody is made. `userName` is one whether it is named or not. */
  readonly required: readonly string[];
  /** What claims must say, byte for byte: the tenant's own value, where tenants share an issuer. */
  readonly match: Readonly<Record<string, string>>;
  readonly services: readonly ServiceMark[];
};
export type JustInTimePatch = { readonly [Name in keyof JustInTime]?: JustInTime[Name] | undefined };

const initial: JustInTime = {
  enabled: false,
  // OpenID Connect Core 1.0 §5.1.
  claims: {
    userName: "preferred_username",
    displayName: "name",
    "name.givenName": "given_name",
    "name.familyName": "family_name",
    "emails[primary]": "email",
  },
  required: ["userName"],
  match: {},
  services: [],
};

/** The settings with what is named changed; what is not stays, or is what OpenID Connect calls it. */
export function changedJustInTime(before: JustInTime | undefined, patch: JustInTimePatch): JustInTime {
  const named = Object.entries(patch).filter(([, value]) => value !== undefined);
  return { ...(before ?? initial), ...(Object.fromEntries(named) as Partial<JustInTime>) };
}

/** Throws `value_invalid` where users could not be made as the connection says, or would not be found again. */
export function assertProvisions(connection: Connection): void {
  const { justInTime, subjectRule } = connection;
  if (justInTime?.enabled !== true) return;
  const filled = filledBy(connection, justInTime);
  // `direct` would make the provider's word an id of ours; `federated` reads no subject that a later create could be known by.
  if (subjectRule !== "attribute")
    throw invalid(`needs the subject rule attribute, and the connection has ${subjectRule}`);
  const unfilled = ["userName", ...justInTime.required].find((attribute) => !filled.has(attribute));
  if (unfilled !== undefined) throw invalid(`requires ${unfilled}, and no claim fills it`);
}

/** Why a verified token makes no user, each in a sentence. Codes are stable: they never change their meaning. */
export const provisioningReasons = {
  token_needed: "Rollcall makes users from tokens, and was asked about a subject alone.",
  just_in_time_off: "No connection of the issuer makes users from tokens.",
  token_refused: "The token did not hold when Rollcall verified it itself.",
  service_account: "The token speaks for a program, and programs are nobody's user.",
  tenant_wrong: "A claim does not say what the connection's own tokens say.",
  tenant_ambiguous: "Several tenants name the issuer, and nothing tells whose the token is.",
  connection_ambiguous: "Several connections would make a user from the token.",
  claims_missing: "The token lacks claims that the connection requires.",
  claim_invalid: "A claim is too long for an attribute, or cannot be one.",
  user_name_taken: "Another user has the userName, and nobody is adopted by name.",
  external_id_taken: "Another user has the externalId, and nobody is adopted by it.",
} as const satisfies Record<string, string>;
export type ProvisioningReason = keyof typeof provisioningReasons;

/** `claims` names those that are missing or invalid. */
export type ProvisioningRefusal = { readonly reason: ProvisioningReason; readonly claims?: readonly string[] };

/** The user that a verified token makes, or why it makes none. Decides, and touches nothing. */
export function decideProvisioning(
  connection: Connection & { readonly justInTime: JustInTime },
  token: { readonly sub: string; readonly claims: Readonly<Record<string, unknown>> },
): { readonly attributes: UserAttributes } | ProvisioningRefusal {
  const { justInTime, subjectAttribute } = connection;
  const { claims, sub } = token;
  if (isServiceToken(connection, claims, sub)) return { reason: "service_account" };
  if (Object.entries(justInTime.match).some(([claim, value]) => claimOf(claims, claim) !== value))
    return { reason: "tenant_wrong" };

  const required = new Set(["userName", ...justInTime.required]);
  const values = new Map([[subjectAttribute, sub]]);
  const missing: string[] = [];
  for (const [attribute, claim] of Object.entries(justInTime.claims)) {
    if (attribute === subjectAttribute) continue;
    const value = claimOf(claims, claim);
    if (value !== undefined) values.set(attribute, value);
    else if (required.has(attribute)) missing.push(claim);
  }
  if (missing.length > 0) return { reason: "claims_missing", claims: missing };

  const { lookAlikeNames } = profileOf(connection);
  const invalidClaims = [...values].filter(([attribute, value]) => !isStorable(attribute, value, lookAlikeNames));
  if (invalidClaims.length > 0)
    return {
      reason: "claim_invalid",
      claims: invalidClaims.map(([attribute]) => claimFilling(connection, attribute)),
    };
  return { attributes: attributesOf(values) };
}

/** Whether a token speaks for a program, and so for nobody: as its issuer marks it, or as the connection's rule says. */
export function isServiceToken(
  { justInTime }: Pick<Connection, "justInTime">,
  claims: Readonly<Record<string, unknown>>,
  sub: string,
): boolean {
  return isServiceAccount(claims, sub) || (justInTime?.services ?? []).some((mark) => isMarked(claims, mark));
}

/** The same where no more is known of the token than its subject. */
export function isServiceSubject(connection: Pick<Connection, "justInTime" | "subjectClaim">, sub: string): boolean {
  return isServiceToken(connection, { [connection.subjectClaim]: sub }, "");
}

/** By the marks that issuers put on it themselves. */
function isServiceAccount(claims: Readonly<Record<string, unknown>>, sub: string): boolean {
  // RFC 9068 §2.2: where no resource owner is involved, `sub` is the client. Okta calls it `cid`.
  const isClient = ["client_id", "azp", "cid"].some((claim) => claimOf(claims, claim) === sub);
  // Entra's tokens for an application by itself, and Auth0's.
  return isClient || claimOf(claims, "idtyp") === "app" || claimOf(claims, "gty") === "client-credentials";
}

function isMarked(claims: Readonly<Record<string, unknown>>, mark: ServiceMark): boolean {
  const value = claimOf(claims, mark.claim);
  return value !== undefined && ("prefix" in mark ? value.startsWith(mark.prefix) : value === mark.equals);
}

/** A claim that is text; of another type, or empty, it is as if it were not there. */
function claimOf(claims: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = Object.hasOwn(claims, name) ? claims[name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

const valueLengthMax = 1_024;

function isStorable(attribute: string, value: string, lookAlikes: LookAlikeNames): boolean {
  if (value.length > valueLengthMax || value.includes("\0") || !value.isWellFormed()) return false;
  if (attribute !== "userName") return true;
  try {
    assertNewName(attribute, value, lookAlikes);
    return canonicalName(attribute, value) !== "";
  } catch {
    return false;
  }
}

function claimFilling({ justInTime, subjectAttribute, subjectClaim }: Connection, attribute: string): string {
  return attribute === subjectAttribute ? subjectClaim : (justInTime?.claims[attribute] ?? attribute);
}

function filledBy({ subjectAttribute }: Connection, { claims }: JustInTime): ReadonlySet<string> {
  return new Set([subjectAttribute, ...Object.keys(claims)]);
}

function attributesOf(values: ReadonlyMap<string, string>): UserAttributes {
  const filled = [...values].reduce<JsonObject>((made, [path, value]) => withValue(made, path, value), {});
  // `userName` is among the values: without it nobody comes this far.
  return { ...filled, active: true } as UserAttributes;
}

/** Writes what `attributeAt` reads: `userName`, `name.givenName`, `emails[primary]`, `<urn>:employeeNumber`. */
function withValue(attributes: JsonObject, path: string, value: string): JsonObject {
  const [, list] = /^(\w+)\[primary\]$/.exec(path) ?? [];
  if (list !== undefined) return { ...attributes, [list]: [{ value, primary: true }] };
  const colon = path.lastIndexOf(":");
  const steps = path.startsWith("urn:") ? [path.slice(0, colon), path.slice(colon + 1)] : path.split(".");
  return withSteps(attributes, steps, value);
}

function withSteps(attributes: JsonObject, [first = "", ...rest]: readonly string[], value: string): JsonObject {
  if (rest.length === 0) return { ...attributes, [first]: value };
  const inner: Json | undefined = attributes[first];
  return { ...attributes, [first]: withSteps(isObject(inner) ? inner : {}, rest, value) };
}

function invalid(why: string): DirectoryError {
  return new DirectoryError("value_invalid", `justInTime: making users from tokens ${why}`);
}
