import { listAudit } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, tenantOf } from "./admin-door.ts";
import { moment, pageOf } from "./answer-shapes.ts";
import { keysetOf, pageQueryOf, read, text } from "./requests.ts";

const listQuery = z.strictObject({
  ...pageQueryOf(z.string().regex(/^[1-9]\d{0,15}$/, "must be the `next` of an earlier page")),
  actor: text(100).optional(),
  action: text(100).optional(),
  target: text(4_096).optional(),
});
const row = z.object({
  id: z.int(),
  at: moment,
  actor: z.string(),
  actorName: z.string().optional(),
  action: z.string(),
  target: z.string().nullable(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
  detail: z.unknown().optional(),
});
const listing = { query: listQuery, answer: pageOf(row) };

/** Who did what, and what it was before and after. */
export function auditRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/audit",
    about({ role: "viewer", summary: "List what was done in a tenant, the newest first", ...listing }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { after, limit, ...query } = read(listQuery, request.query);
      const reader = { isOfHouse: adminOf(request).tenantId === undefined };
      return listAudit(door.database, tenant.id, query, keysetOf({ after, limit }), reader);
    },
  );
  app.get(
    "/audit",
    about({ role: "viewer", scope: "house", summary: "List what was done above all tenants", ...listing }),
    async (request) => {
      const { after, limit, ...query } = read(listQuery, request.query);
      return listAudit(door.database, undefined, query, keysetOf({ after, limit }), { isOfHouse: true });
    },
  );
}
