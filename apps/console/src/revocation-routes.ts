import { denySubject, liftDenial, listRevocations, type RevocationTarget, revokeTokens } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, tenantOf } from "./admin-door.ts";
import { RequestInvalid } from "./refusal.ts";
import { id, issuer, pageQueryOf, read, subject, text } from "./requests.ts";
import { actOf } from "./user-routes.ts";

const target = { userId: id.optional(), iss: issuer.optional(), sub: subject.optional() };
const note = text(500).optional();
const revokeBody = z.strictObject({ ...target, kind: z.enum(["deny", "nbf"]).default("deny"), note });
const liftBody = z.strictObject({ ...target, note });
const cursor = z.string().max(2_000).transform(decodeCursor);
const listQuery = z.strictObject(pageQueryOf(cursor));

/** What gateways must refuse: denials, and the moments before which tokens are dead. */
export function revocationRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get("/tenants/:tenant/revocations", async (request) => {
    const tenant = await tenantOf(door, request);
    const query = read(listQuery, request.query);
    const { items, next } = await listRevocations(door.database, tenant.id, query.after, query.limit);
    return { items, next: next && Buffer.from(JSON.stringify([next.iss, next.sub])).toString("base64url") };
  });
  app.post("/tenants/:tenant/revocations", async (request, reply) => {
    const tenant = await tenantOf(door, request);
    const body = read(revokeBody, request.body);
    const revoke = body.kind === "deny" ? denySubject : revokeTokens;
    return reply
      .code(201)
      .send(await revoke(door.database, tenant.id, targetOf(body), actOf(door, request, body.note)));
  });
  app.post("/tenants/:tenant/revocations/lift", async (request) => {
    const tenant = await tenantOf(door, request);
    const body = read(liftBody, request.body);
    return liftDenial(door.database, tenant.id, targetOf(body), actOf(door, request, body.note));
  });
}

function targetOf(body: {
  readonly userId?: string | undefined;
  readonly iss?: string | undefined;
  readonly sub?: string | undefined;
}): RevocationTarget {
  const { userId, iss, sub } = body;
  if (userId !== undefined && iss === undefined && sub === undefined) return { userId };
  if (userId === undefined && iss !== undefined && sub !== undefined) return { iss, sub };
  throw new RequestInvalid([{ at: "", message: "name either userId, or both iss and sub" }]);
}

function decodeCursor(encoded: string, context: z.RefinementCtx): { readonly iss: string; readonly sub: string } {
  const parsed = z.tuple([z.string(), z.string()]).safeParse(parse(Buffer.from(encoded, "base64url").toString("utf8")));
  if (parsed.success && !parsed.data.join("").includes("\0")) return { iss: parsed.data[0], sub: parsed.data[1] };
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
