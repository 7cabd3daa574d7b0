import {
  type Connection,
  DirectoryError,
  explain,
  type ExplainQuestion,
  type Explanation,
  type GatewayFact,
  type TokenFacts,
} from "@rollcall/core/domain";
import { listConnections, listTenants, readSubjectFacts, tenantsKnowing, tenantsOfIssuer } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type Admin, type AdminDoor, adminOf, isStorable, reachableTenant } from "./admin-door.ts";
import { read, text } from "./requests.ts";
import { readToken, type TokenText } from "./token-text.ts";

const tenant = text(64).optional();
// A subject is taken as it comes: what is wrong with it is the question.
const explainBody = z.union(
  [
    z.strictObject({
      token: z
        .string()
        .min(1)
        .max(16 * 1024),
      tenant,
    }),
    z.strictObject({ sub: z.string().max(4_096).refine(isStorable), iss: text(512).optional(), tenant }),
  ],
  "name either token, or sub and where known its iss, and the tenant",
);

const tenantsAskedMax = 50;

/** Says why a token or a subject is refused. The token is used for the answer and for nothing else. */
export function explainRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post("/", async (request, reply): Promise<Explanation> => {
    const admin = adminOf(request);
    const body = read(explainBody, request.body);
    reply.header("cache-control", "no-store");
    const content = "token" in body ? readToken(body.token) : undefined;
    const iss = "token" in body ? issuerIn(content) : body.iss;
    const tenantId = await tenantFor(door, admin, body.tenant, iss);
    const question =
      "token" in body ? await aboutToken(door, tenantId, body.token, content) : aboutSubject(body.sub, body.iss);
    return answer(door, admin, tenantId, question);
  });
}

async function answer(
  door: AdminDoor,
  admin: Admin,
  tenantId: string,
  question: ExplainQuestion,
): Promise<Explanation> {
  const facts = await readSubjectFacts(door.database, tenantId, question, door.staleSecMax);
  // Whether another tenant knows a subject is the house's business and no tenant's.
  const stranger = facts.candidates.length === 0 && admin.tenantId === undefined && typeof question.sub === "string";
  const otherTenants = stranger ? await elsewhere(door, tenantId, question.sub as string) : [];
  const gateways = admin.tenantId === undefined ? facts.gateways : facts.gateways.map(withoutHouseName);
  return explain(question, { ...facts, gateways, otherTenants }, door.now());
}

/** Who follows all tenants is the house's business; that they do, and how far they are, is everybody's. */
function withoutHouseName(gateway: GatewayFact): GatewayFact {
  return gateway.follows === "all" ? { ...gateway, name: "a gateway of all tenants" } : gateway;
}

function aboutSubject(sub: string, iss: string | undefined): ExplainQuestion {
  return { token: undefined, iss, sub, subjectClaim: "sub" };
}

async function aboutToken(
  door: AdminDoor,
  tenantId: string,
  token: string,
  content: TokenText | undefined,
): Promise<ExplainQuestion> {
  if (content === undefined || "why" in content) {
    return {
      token: { kind: "malformed", why: content?.why ?? "not a token" },
      iss: undefined,
      sub: undefined,
      subjectClaim: "sub",
    };
  }
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
    iss: iss ?? "",
    sub: Object.hasOwn(claims, subjectClaim) ? claims[subjectClaim] : undefined,
    subjectClaim,
    session: textOf(claims["sid"]),
    tokenId: textOf(claims["jti"]),
    claims,
  };
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

function issuerIn(content: TokenText | undefined): string | undefined {
  const iss = content !== undefined && "claims" in content ? content.claims["iss"] : undefined;
  return typeof iss === "string" && isStorable(iss) ? iss : undefined;
}

/** A tenant's admin asks within it. An operator says which, unless the issuer says it. */
async function tenantFor(
  door: AdminDoor,
  admin: Admin,
  named: string | undefined,
  iss: string | undefined,
): Promise<string> {
  if (named !== undefined) return (await reachableTenant(door, admin, named)).id;
  if (admin.tenantId !== undefined) return admin.tenantId;
  const [only, ...others] = iss === undefined ? [] : await tenantsOfIssuer(door.database, iss);
  if (only !== undefined && others.length === 0) return only;
  throw new DirectoryError(
    "value_invalid",
    only === undefined
      ? "tenant: say whose subject it is"
      : "tenant: several tenants name this issuer, say which is meant",
  );
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
