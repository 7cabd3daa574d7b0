import { findConnection, houseFeedId, listAlerts, listDeadLetters, readLag } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { type AdminDoor, notFound, operatorOf, tenantOf } from "./admin-door.ts";
import { keysetOf, pageQuery, pageQueryOf, read, text } from "./requests.ts";

const windowSecUsual = 3_600;
const windowSecMax = 31 * 86_400;

const lagQuery = z.strictObject({
  windowSec: z.coerce.number().int().min(1).max(windowSecMax).default(windowSecUsual),
  connection: text(64).optional(),
});
const listQuery = z.strictObject(pageQuery);
const eventId = z.string().regex(/^[1-9]\d{0,15}$/, "must be an event's id");
const deadQuery = z.strictObject(pageQueryOf(eventId));

/** How the line through the house is doing: its lag, and what needs a person. */
export function statusRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get("/tenants/:tenant/lag", async (request) => {
    const tenant = await tenantOf(door, request);
    const { windowSec, connection: named } = read(lagQuery, request.query);
    if (named === undefined) return readLag(door.database, tenant.id, windowSec);
    const connection = await findConnection(door.database, tenant.id, named);
    if (connection === undefined) throw notFound();
    return readLag(door.database, tenant.id, windowSec, connection.id);
  });
  app.get("/tenants/:tenant/deadletters", async (request) => {
    const tenant = await tenantOf(door, request);
    return listDeadLetters(door.database, tenant.id, keysetOf(read(deadQuery, request.query)));
  });
  app.get("/tenants/:tenant/alerts", async (request) => {
    const tenant = await tenantOf(door, request);
    return listAlerts(door.database, tenant.id, keysetOf(read(listQuery, request.query)));
  });
  app.get("/alerts", async (request) => {
    operatorOf(request);
    return listAlerts(door.database, houseFeedId, keysetOf(read(listQuery, request.query)));
  });
}
