import { type Act, findUsers, readUserHistory, suspendUser, unsuspendUser } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { pageOf, revocationOutcome, userHistory, userSummary } from "./answer-shapes.ts";
import { tagged } from "./entity-tag.ts";
import { idIn, issuer, keysetOf, pageQuery, read, subject, text } from "./requests.ts";

const listQuery = z.strictObject({
  ...pageQuery,
  id: text(64).optional(),
  iss: issuer.optional(),
  sub: subject.optional(),
  userName: subject.optional(),
  externalId: subject.optional(),
});
const noteBody = z.strictObject({ note: text(500).optional() });

export function userRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/users",
    about({
      role: "viewer",
      summary: "List users, by what they are looked for",
      query: listQuery,
      answer: pageOf(userSummary),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { after, limit, ...query } = read(listQuery, request.query);
      return findUsers(door.database, tenant.id, query, keysetOf({ after, limit }));
    },
  );
  app.get(
    "/tenants/:tenant/users/:id",
    about({
      role: "viewer",
      summary: "Show one user: the directory, the application, the gateways and what happened",
      answer: userHistory,
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const history = await readUserHistory(door.database, tenant.id, idIn(request.params));
      if (history === undefined) throw notFound();
      return tagged(reply, history).send(history);
    },
  );
  suspension(app, door);
}

function suspension(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/users/:id/suspend",
    about({
      role: "operator",
      summary: "Deny a user until they are unsuspended",
      body: noteBody,
      answer: revocationOutcome,
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return suspendUser(
        door.database,
        tenant.id,
        idIn(request.params),
        actOf(door, request, read(noteBody, request.body).note),
      );
    },
  );
  app.post(
    "/tenants/:tenant/users/:id/unsuspend",
    about({
      role: "operator",
      summary: "Lift a suspension and no other denial",
      body: noteBody,
      answer: revocationOutcome,
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return unsuspendUser(
        door.database,
        tenant.id,
        idIn(request.params),
        actOf(door, request, read(noteBody, request.body).note),
      );
    },
  );
}

export function actOf(door: AdminDoor, request: FastifyRequest, note: string | undefined): Act {
  return { actor: adminOf(request).credentialId, at: new Date(door.now()), note };
}
