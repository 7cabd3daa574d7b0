import { listDrift, readDrift } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, tenantOf } from "./admin-door.ts";
import { moment, pageOf } from "./answer-shapes.ts";
import { difference, driftQuery, foundCounts } from "./drift-shapes.ts";
import { keysetOf, read } from "./requests.ts";

const drift = z.object({ comparedAt: moment.optional(), open: foundCounts });

/** Where the user store is not what the directory makes of it, as far as the last comparison knows. */
export function driftRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/drift",
    about({ role: "viewer", summary: "Count what differs", answer: drift }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return readDrift(door.database, tenant.id);
    },
  );
  app.get(
    "/tenants/:tenant/drift/differences",
    about({ role: "viewer", summary: "List what differs", query: driftQuery, answer: pageOf(difference) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { kind, ...page } = read(driftQuery, request.query);
      return listDrift(door.database, tenant.id, { ...keysetOf(page), kind });
    },
  );
}
