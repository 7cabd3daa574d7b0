import type { HeldToken, TokenCheck } from "@rollcall/guard/tokens";
import { type Connection, isServiceToken } from "@rollcall/core/domain";
import {
  type Bearer,
  type Database,
  listConnections,
  type ResolvedSubject,
  resolveToken,
  tenantsOfIssuer,
} from "@rollcall/core/store";
import { OAuthRefusal } from "./oauth-refusal.ts";
import type { Provisioner } from "./provisioner.ts";
import { isStorable, namesOf } from "./token-names.ts";

/** RFC 7662 §2.2, flat: every member is a text or a number, for gateways that read no other. */
export type Introspection =
  | { readonly active: false }
  | {
      readonly active: true;
      readonly exp: number;
      readonly iat?: number;
      readonly iss: string;
      readonly sub: string;
      readonly aud?: string;
      readonly scope?: string;
      readonly client_id?: string;
      readonly username: string;
      readonly token_type: "Bearer";
    };

export type Introspector = {
  /** Throws `temporarily_unavailable` where it cannot be told, which is neither active nor not. */
  introspect(bearer: Pick<Bearer, "tenantId" | "credentialId">, token: string): Promise<Introspection>;
};

export type IntrospectorOptions = {
  readonly database: Database;
  /** A gateway that can only introspect brings a joiner's first token here and nowhere else. */
  readonly provisioner: Provisioner;
  readonly tokens: TokenCheck;
  readonly now: () => number;
};

type Active = Extract<ResolvedSubject, { readonly status: "active" }>;
type Held = HeldToken & { readonly connection: Connection };
/** What one tenant says: `newcomer` of a token that holds, and whose subject nobody has ever heard of. */
type Finding =
  | { readonly kind: "denied" | "not_known" }
  | { readonly kind: "active"; readonly held: Held; readonly user: Active }
  | { readonly kind: "newcomer"; readonly held: Held };

const inactive: Introspection = { active: false };

/**
 * Decides about a token as a guard does, but from the directory and the user store themselves: whoever is
 * asked sees a denial as soon as it is accepted. To the outside every token that will not do is the same.
 */
export function createIntrospector({ database, provisioner, tokens, now }: IntrospectorOptions): Introspector {
  async function findIn(tenantId: string, iss: string, token: string): Promise<Finding> {
    const named = (await listConnections(database, tenantId)).filter(({ issuers }) => issuers.includes(iss));
    const held = await holdUnder(tokens, named, iss, token);
    const standings = await Promise.all(held.map((one) => resolveToken(database, tenantId, namesOf(one))));
    // Connections that share an issuer may each read another subject from a token: one denial is enough.
    if (standings.some(({ status }) => status === "denied" || status === "struck")) return { kind: "denied" };
    for (const [at, one] of held.entries()) {
      const user = standings[at];
      if (user?.status === "active") return { kind: "active", held: one, user };
    }
    const [first] = held;
    const isNew = standings.every(
      (standing) => standing.status === "unknown" && standing.reason === "never_provisioned",
    );
    return first !== undefined && isNew ? { kind: "newcomer", held: first } : { kind: "not_known" };
  }

  return {
    introspect: async (bearer, token) => {
      const iss = tokens.issuerOf(token);
      if (iss === undefined || !isStorable(iss)) return inactive;
      const tenantIds = bearer.tenantId === undefined ? await tenantsOfIssuer(database, iss) : [bearer.tenantId];
      const findings: Finding[] = [];
      for (const id of tenantIds) findings.push(await findIn(id, iss, token));
      const found = choose(findings);
      if (found === undefined) return inactive;
      if (found.kind === "active") return answerAt(now(), found.held, found.user);
      const made = await provisioner.provision(bearer, { iss, sub: found.held.subject.sub, token });
      return made.status === "active" ? answerAt(now(), found.held, made) : inactive;
    },
  };
}

/** Of several tenants that let a token in it cannot be told whose it is; and whom one denies no other makes a user of. */
function choose(findings: readonly Finding[]): Exclude<Finding, { readonly kind: "denied" | "not_known" }> | undefined {
  const active = findings.filter((finding) => finding.kind === "active");
  if (active.length > 0) return active.length === 1 ? active[0] : undefined;
  if (findings.some(({ kind }) => kind === "denied")) return undefined;
  return findings.find((finding) => finding.kind === "newcomer");
}

/** Rollcall's clock decides, without the tolerance that a guard has: whoever asked will compare `exp` itself. */
function answerAt(nowMs: number, held: Held, user: Active): Introspection {
  return held.subject.exp <= nowMs / 1_000 ? inactive : answerOf(held, user);
}

/** The token as each connection reads it, those that name an audience first. */
async function holdUnder(
  tokens: TokenCheck,
  connections: readonly Connection[],
  iss: string,
  token: string,
): Promise<readonly Held[]> {
  const strictFirst = connections.toSorted(
    (a, b) => Number(b.audience !== undefined) - Number(a.audience !== undefined),
  );
  const held: Held[] = [];
  for (const connection of strictFirst) {
    const { audience = "any", subjectClaim, subjectCompare } = connection;
    const judged = await tokens.check(token, { issuer: iss, audience, subjectClaim, subjectCompare });
    if ("subject" in judged) held.push({ ...judged, connection });
    else if (judged.reason === "keys_unavailable") throw new OAuthRefusal("temporarily_unavailable");
  }
  // A program is never looked up as a person, whatever its name is; to a gateway that only introspects it is inactive.
  return held.filter(
    ({ subject: { sub }, claims, connection }) => isStorable(sub) && !isServiceToken(connection, claims, sub),
  );
}

function answerOf(
  { subject, claims, connection }: Held,
  { userName }: Active,
): Extract<Introspection, { active: true }> {
  const { exp, iat, iss, sub } = subject;
  const aud = audienceOf(claims["aud"], connection.audience);
  // RFC 9068 §2.2 has `scope` and `client_id`; OpenID Connect has `azp`; Entra and Okta have `scp`, Okta has `cid`.
  const scope = text(claims["scope"]) ?? joined(claims["scp"]);
  const clientId = text(claims["client_id"]) ?? text(claims["azp"]) ?? text(claims["cid"]);
  return {
    active: true,
    // Whole seconds, for gateways that read no others: a token never lives longer, or is younger, for that.
    exp: Math.floor(exp),
    ...(iat === undefined ? {} : { iat: Math.floor(iat) }),
    iss,
    sub,
    ...(aud === undefined ? {} : { aud }),
    ...(scope === undefined ? {} : { scope }),
    ...(clientId === undefined ? {} : { client_id: clientId }),
    username: userName,
    token_type: "Bearer",
  };
}

/** One text, for gateways that read `aud` as nothing else: of several the one that the connection is for. */
function audienceOf(aud: unknown, wanted: string | undefined): string | undefined {
  if (!Array.isArray(aud)) return text(aud);
  return wanted !== undefined && aud.includes(wanted) ? wanted : text(aud[0]);
}

function joined(scopes: unknown): string | undefined {
  return Array.isArray(scopes) ? scopes.filter((scope) => typeof scope === "string").join(" ") : text(scopes);
}

function text(claim: unknown): string | undefined {
  return typeof claim === "string" && claim !== "" ? claim : undefined;
}
