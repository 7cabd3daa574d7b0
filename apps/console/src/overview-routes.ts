import { readOverview } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { about } from "./about.ts";
import { type AdminDoor, tenantOf } from "./admin-door.ts";
import { overviewShape } from "./lag-shapes.ts";

const overview = { summary: "Show how a tenant is doing, on one page", answer: overviewShape };

/** The first page that somebody looks at: its cost does not grow with what is behind it. */
export function overviewRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get("/tenants/:tenant/overview", about({ ...overview, role: "viewer" }), async (request) => {
    const tenant = await tenantOf(door, request);
    return readOverview(door.database, tenant.id, door.staleSecMax, new Date(door.now()));
  });
}
