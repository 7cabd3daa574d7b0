import { pauseConnection, removeConnection, resumeConnection } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, tenantOf } from "./admin-door.ts";
import { connectionView } from "./answer-shapes.ts";
import { connectionIn } from "./connection-routes.ts";
import { viewOf } from "./connection-view.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
import { read, text } from "./requests.ts";
import { actOf } from "./user-routes.ts";

const noteBody = z.strictObject({ note: text(500).optional() });
const removalQuery = z.strictObject({
  /** The connection's slug again, where it has users who would be denied. */
  confirm: text(64).optional(),
  note: text(500).optional(),
});
const removal = z.object({ users: z.int(), groups: z.int() });

/** Pausing a connection, and ending it. */
export function connectionStateRoutes(app: FastifyInstance, door: AdminDoor): void {
  const path = "/tenants/:tenant/connections/:connection";
  const turning = { role: "operator", body: noteBody, answer: connectionView, tagged: true } as const;
  for (const [verb, turn, summary] of [
    ["pause", pauseConnection, "Have a connection take denials and nothing else"],
    ["resume", resumeConnection, "Have a connection take everything again"],
  ] as const)
    app.post(`${path}/${verb}`, about({ ...turning, summary }), async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const act = actOf(door, request, read(noteBody, request.body).note);
      const connection = await turn(door.database, tenant.id, connectionIn(request), act, expectationOf(request));
      return tagged(reply, connection).send(viewOf(connection));
    });
  app.delete(
    path,
    about({
      role: "admin",
      summary: "End a connection for good; its users are denied, so that has to be confirmed by its slug",
      query: removalQuery,
      answer: removal,
      tagged: true,
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { confirm, note } = read(removalQuery, request.query);
      const slug = connectionIn(request);
      const { lanes, ...removed } = await removeConnection(
        door.database,
        tenant.id,
        slug,
        { ...actOf(door, request, note), confirmed: confirm, requestId: door.newId() },
        expectationOf(request),
      );
      door.wake(lanes);
      return removed;
    },
  );
}
