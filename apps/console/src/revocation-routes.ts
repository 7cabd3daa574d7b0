import {
  type Act,
  denySubject,
  liftDenial,
  liftKey,
  listRevocations,
  type Revocation,
  type RevocationKey,
  type RevocationTarget,
  revokeKey,
  revokeTokens,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, revocationOutcome } from "./answer-shapes.ts";
import { RequestInvalid } from "./refusal.ts";
import { id, issuer, pageQueryOf, read, subject, text } from "./requests.ts";
import { actOf } from "./user-routes.ts";

const secondsMax = 10 * 366 * 86_400;
const value = subject.max(1_024, "must have at most 1024 characters");
const target = {
  userId: id.optional(),
  iss: issuer.optional(),
  sub: subject.optional(),
  /** The `sid` of the session's tokens. */
  session: value.optional(),
  /** The `jti` of one token. */
  tokenId: value.optional(),
  /** What the claim that divides a shared issuer's tokens into tenants says. */
  tenantClaim: value.optional(),
  /** Every token of the issuer. It has to be said: who forgets the subject must not strike everybody. */
  everyone: z.literal(true).optional(),
};
const note = text(500).optional();
const revokeBody = z.strictObject({
  ...target,
  kind: z.enum(["deny", "nbf"]).default("deny"),
  expiresInSec: z.int().min(1).max(secondsMax).optional(),
  note,
});
const liftBody = z.strictObject({ ...target, note });
const scopes = z.enum(["sub", "sid", "jti", "tenant", "iss"]);
// An issuer of 512 characters and a value of 255, each of them as long as JSON and base64url can make it.
const key = z
  .string()
  .max(8 * 1024)
  .transform(decodeKey);
const listQuery = z.strictObject(pageQueryOf(key));

const listed = z.object({
  id: z.string(),
  scope: scopes,
  iss: z.string(),
  sub: z.string(),
  deny: z.boolean(),
  nbf: z.int().nullable(),
  origin: z.enum(["idp", "app"]),
  reason: z.string(),
  acceptedAt: moment,
  appliedAt: moment,
  expiresAt: moment.nullable(),
  forgottenAt: moment.nullable(),
  seq: z.int().nullable(),
  enforcedAt: moment.nullable(),
});

type Named = Omit<z.output<typeof liftBody>, "note">;

/** What gateways must refuse: denials, and the moments before which tokens are dead. */
export function revocationRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/revocations",
    about({ role: "viewer", summary: "List what gateways must refuse", query: listQuery, answer: pageOf(listed) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const query = read(listQuery, request.query);
      const { items, next } = await listRevocations(
        door.database,
        tenant.id,
        query.after,
        query.limit,
        door.staleSecMax,
      );
      return { items: items.map(withId), next: next && encodeKey(next) };
    },
  );
  app.post(
    "/tenants/:tenant/revocations",
    about({
      role: "operator",
      summary: "Deny a user, a subject, a session or a token, or kill the tokens issued until now",
      body: revokeBody,
      status: 201,
      answer: revocationOutcome,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { kind, expiresInSec, note: said, ...named } = read(revokeBody, request.body);
      if (expiresInSec !== undefined && kind === "nbf")
        throw new RequestInvalid([{ at: "expiresInSec", message: "only a denial ends" }]);
      const end = expiresInSec === undefined ? {} : { expiresAt: new Date(door.now() + expiresInSec * 1_000) };
      const act: Act = { ...actOf(door, request, said), ...end };
      return reply.code(201).send(await revoke(door, tenant.id, named, kind, act));
    },
  );
  app.post(
    "/tenants/:tenant/revocations/lift",
    about({ role: "operator", summary: "Lift a denial", body: liftBody, answer: revocationOutcome }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { note: said, ...named } = read(liftBody, request.body);
      return lift(door, tenant.id, targetOf(named), actOf(door, request, said));
    },
  );
  app.delete(
    "/tenants/:tenant/revocations/:id",
    about({ role: "operator", summary: "Lift a denial by its id in the list", status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const named = key.safeParse((request.params as { readonly id: string }).id);
      if (!named.success) throw notFound();
      await lift(door, tenant.id, targetOfKey(named.data), actOf(door, request, undefined));
      return reply.code(204).send();
    },
  );
}

async function revoke(door: AdminDoor, tenantId: string, named: Named, kind: "deny" | "nbf", act: Act) {
  const target = targetOf(named);
  if (!("scope" in target)) return (kind === "deny" ? denySubject : revokeTokens)(door.database, tenantId, target, act);
  if (target.scope === "jti" && kind === "nbf")
    throw new RequestInvalid([{ at: "tokenId", message: "one token is denied; there are no others before it" }]);
  return revokeKey(door.database, tenantId, target, kind, act);
}

async function lift(door: AdminDoor, tenantId: string, target: RevocationTarget | RevocationKey, act: Act) {
  if (!("scope" in target)) return liftDenial(door.database, tenantId, target, act);
  return { issuerKnown: true, changed: await liftKey(door.database, tenantId, target, act) };
}

/** A user or a subject, which may be a user's; or a key that is nobody's own. */
function targetOf({ userId, iss, ...values }: Named): RevocationTarget | RevocationKey {
  const given = Object.entries(values).filter(([, said]) => said !== undefined) as [
    keyof typeof values,
    string | true,
  ][];
  if (userId !== undefined && iss === undefined && given.length === 0) return { userId };
  const [only] = given;
  if (userId === undefined && iss !== undefined && only !== undefined && given.length === 1) {
    const [name, said] = only;
    return said === true ? { scope: "iss", iss, sub: "" } : targetOfKey({ scope: scopeOf[name], iss, sub: said });
  }
  throw new RequestInvalid([
    { at: "", message: "name either userId, or iss with one of sub, session, tokenId, tenantClaim and everyone" },
  ]);
}

const scopeOf = { sub: "sub", session: "sid", tokenId: "jti", tenantClaim: "tenant", everyone: "iss" } as const;

function targetOfKey({ scope, iss, sub }: RevocationKey): RevocationTarget | RevocationKey {
  return scope === "sub" ? { iss, sub } : { scope, iss, sub };
}

function withId(revocation: Revocation): Revocation & { readonly id: string } {
  return { id: encodeKey(revocation), ...revocation };
}

function encodeKey({ scope, iss, sub }: RevocationKey): string {
  return Buffer.from(JSON.stringify([scope, iss, sub])).toString("base64url");
}

function decodeKey(encoded: string, context: z.RefinementCtx): RevocationKey {
  const parts = parse(Buffer.from(encoded, "base64url").toString("utf8"));
  const parsed = z.tuple([scopes, z.string(), z.string()]).safeParse(parts);
  if (parsed.success && !parsed.data.join("").includes("\0")) {
    const [scope, iss, sub] = parsed.data;
    return { scope, iss, sub };
  }
  context.addIssue({ code: "custom", message: "must be the `next` of an earlier page" });
  return z.NEVER;
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
