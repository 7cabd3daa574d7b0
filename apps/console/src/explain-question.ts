import type { Connection, ExplainQuestion, Explanation, GatewayFact, TokenFacts } from "@rollcall/core/domain";
import { explain } from "@rollcall/core/domain";
import {
  findTenant,
  listConnections,
  listTenants,
  readSubjectFacts,
  tenantsKnowing,
  tenantsOfIssuer,
} from "@rollcall/core/store";
import { type Admin, type AdminDoor, isStorable } from "./admin-door.ts";
import type { TokenText } from "./token-text.ts";

/** Who asks, and of which tenant. */
export type Asking = { readonly door: AdminDoor; readonly admin: Admin; readonly tenantId: string };

const tenantsAskedMax = 50;

/** Gathers the facts and walks the checklist over them. */
/** For one question of many nobody reads every user, nor asks every tenant. */
export async function answerTo(
  { door, admin, tenantId }: Asking,
  question: ExplainQuestion,
  isOneOfMany = false,
): Promise<Explanation> {
  const facts = await readSubjectFacts(door.database, tenantId, { ...question, isOneOfMany }, door.staleSecMax);
  const isOperator = admin.tenantId === undefined;
  // Whether another tenant knows a subject is the house's business and no tenant's.
  const stranger = isOperator && !isOneOfMany && facts.candidates.length === 0 && typeof question.sub === "string";
  const otherTenants = stranger ? await elsewhere(door, tenantId, question.sub as string) : [];
  const isForeign = isOperator && question.token !== undefined && facts.connections.length === 0;
  const issuerTenants = isForeign ? await naming(door, tenantId, question.iss) : [];
  const gateways = isOperator ? facts.gateways : facts.gateways.map(withoutHouseName);
  return explain(question, { ...facts, gateways, otherTenants, issuerTenants }, door.now());
}

export function aboutSubject(sub: string, iss: string | undefined): ExplainQuestion {
  return { token: undefined, iss, sub, subjectClaim: "sub" };
}

/** What a token says, with its signature checked where a connection names its issuer. */
export async function aboutToken(
  { door, tenantId }: Asking,
  token: string,
  content: TokenText,
): Promise<ExplainQuestion> {
  if ("why" in content)
    return { token: { kind: "malformed", why: content.why }, iss: undefined, sub: undefined, subjectClaim: "sub" };
  const { header, claims } = content;
  const iss = typeof claims["iss"] === "string" ? claims["iss"] : undefined;
  const connections = (await listConnections(door.database, tenantId)).filter(
    ({ issuers }) => iss !== undefined && issuers.includes(iss),
  );
  const named = bestConnection(connections, claims["aud"]);
  const signature =
    named === undefined || iss === undefined
      ? ({ kind: "not_checked" } as const)
      : await door.checkSignature(token, iss);
  const facts: TokenFacts = {
    kind: "read",
    alg: header["alg"],
    typ: header["typ"],
    iss: claims["iss"],
    aud: claims["aud"],
    exp: claims["exp"],
    nbf: claims["nbf"],
    iat: claims["iat"],
    signature,
  };
  const subjectClaim = named?.subjectClaim ?? "sub";
  return {
    token: facts,
    iss: iss !== undefined && isStorable(iss) ? iss : "",
    sub: Object.hasOwn(claims, subjectClaim) ? claims[subjectClaim] : undefined,
    subjectClaim,
    session: textOf(claims["sid"]),
    tokenId: textOf(claims["jti"]),
    claims,
  };
}

/** The issuer that a token names, where it may stand in a column. */
export function issuerIn(content: TokenText | undefined): string | undefined {
  const iss = content !== undefined && "claims" in content ? content.claims["iss"] : undefined;
  return typeof iss === "string" && isStorable(iss) ? iss : undefined;
}

/** Who follows all tenants is the house's business; that they do, and how far they are, is everybody's. */
function withoutHouseName(gateway: GatewayFact): GatewayFact {
  return gateway.follows === "all" ? { ...gateway, name: "a gateway of all tenants" } : gateway;
}

/** A claim that may stand in a column; of any other type or length it is nobody's. */
function textOf(claim: unknown): string | undefined {
  return typeof claim === "string" && claim.length <= 1_024 && isStorable(claim) ? claim : undefined;
}

/** Where several connections name the issuer, the one whose audience the token names. */
function bestConnection(connections: readonly Connection[], aud: unknown): Connection | undefined {
  const named: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return connections.find(({ audience }) => audience !== undefined && named.includes(audience)) ?? connections[0];
}

async function naming(door: AdminDoor, tenantId: string, iss: string | undefined): Promise<readonly string[]> {
  const ids = iss === undefined || iss === "" ? [] : await tenantsOfIssuer(door.database, iss);
  const others = ids.filter((id) => id !== tenantId).slice(0, tenantsAskedMax);
  const tenants = await Promise.all(others.map((id) => findTenant(door.database, id)));
  return tenants.flatMap((tenant) => (tenant === undefined ? [] : [tenant.slug]));
}

async function elsewhere(door: AdminDoor, tenantId: string, sub: string): Promise<readonly string[]> {
  if (!isStorable(sub)) return [];
  const { items } = await listTenants(door.database, { after: undefined, limit: tenantsAskedMax });
  const others = items.filter(({ id }) => id !== tenantId);
  const knowing = await tenantsKnowing(
    door.database,
    others.map(({ id }) => id),
    sub,
  );
  return others.filter(({ id }) => knowing.includes(id)).map(({ slug }) => slug);
}
