import { canaryEverySecMin, canarySteps } from "@rollcall/core/domain";
import { findConnection, listCanaries, setCanary } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { moment } from "./answer-shapes.ts";
import { connectionIn } from "./connection-routes.ts";
import { read } from "./requests.ts";

const secondsMax = 366 * 86_400;
const canaryBody = z
  .strictObject({
    /** Null switches it off. */
    everySec: z.int().max(secondsMax).nullable(),
    deadlineMs: z.int().min(1_000).max(600_000).default(30_000),
  })
  .refine(({ everySec, deadlineMs }) => everySec === null || everySec >= canaryEverySecMin(deadlineMs), {
    path: ["everySec"],
    message: "must be 60 at least, and leave time for all steps and for the cleaning up",
  });

const step = z.enum(canarySteps);
const canary = z.object({
  connection: z.string(),
  everySec: z.int().nullable(),
  deadlineMs: z.int(),
  nextAt: moment.nullable(),
  last: z
    .object({
      startedAt: moment,
      finishedAt: moment,
      failedStep: step.nullable(),
      steps: z.array(z.object({ step, ms: z.number(), ok: z.boolean() })),
    })
    .nullable(),
  usual: z.array(z.object({ step, rounds: z.int(), p50Ms: z.number(), p99Ms: z.number() })),
});

/** Users of nobody by which a connection's whole way is tried on schedule. */
export function canaryRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/connections/:connection/canary",
    about({
      role: "admin",
      summary: "Try the whole way of a connection on schedule, or no more",
      body: canaryBody,
      answer: canary,
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const connection = await findConnection(door.database, tenant.id, connectionIn(request));
      if (connection === undefined) throw notFound();
      const wanted = read(canaryBody, request.body);
      return setCanary(door.database, tenant.id, connection.id, wanted, adminOf(request).credentialId);
    },
  );
  app.get(
    "/tenants/:tenant/canaries",
    about({ role: "viewer", summary: "List how canaries fare", answer: z.object({ items: z.array(canary) }) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return { items: await listCanaries(door.database, tenant.id) };
    },
  );
}
