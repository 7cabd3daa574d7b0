import { findConnection, findGroup, listGroupMembers, listGroups } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, notFound, tenantOf } from "./admin-door.ts";
import { denialReasons, moment, pageOf, uuid } from "./answer-shapes.ts";
import { idIn, keysetOf, pageQuery, read, subject, text } from "./requests.ts";

const listQuery = z.strictObject({ ...pageQuery, name: subject.optional(), connection: text(64).optional() });
const memberQuery = z.strictObject(pageQuery);
const group = z.object({
  id: uuid,
  connectionId: uuid,
  displayName: z.string(),
  externalId: z.string().nullable(),
  deletedAt: moment.nullable(),
  behind: z.boolean(),
  createdAt: moment,
  updatedAt: moment,
});
const shown = group.extend({ members: z.int(), parked: z.int(), admitted: z.int() });
const member = z.object({
  id: uuid,
  kind: z.enum(["User", "Group"]),
  name: z.string(),
  userId: uuid.nullable(),
  denials: denialReasons,
  since: moment,
});

/** Groups as identity providers describe them, and who is in them. */
export function groupRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/groups",
    about({
      role: "viewer",
      summary: "List living groups, by the beginning of their names where one is given",
      query: listQuery,
      answer: pageOf(group),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { name, connection: named, ...page } = read(listQuery, request.query);
      const connection = named === undefined ? undefined : await findConnection(door.database, tenant.id, named);
      if (named !== undefined && connection === undefined) throw notFound();
      return listGroups(door.database, tenant.id, { name, connectionId: connection?.id }, keysetOf(page));
    },
  );
  app.get(
    "/tenants/:tenant/groups/:id",
    about({ role: "viewer", summary: "Show one group with how many it holds", answer: shown }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const found = await findGroup(door.database, tenant.id, idIn(request.params));
      if (found === undefined) throw notFound();
      return found;
    },
  );
  app.get(
    "/tenants/:tenant/groups/:id/members",
    about({
      role: "viewer",
      summary: "List the users and groups that a group holds itself",
      query: memberQuery,
      answer: pageOf(member),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const page = keysetOf(read(memberQuery, request.query));
      const members = await listGroupMembers(door.database, tenant.id, idIn(request.params), page);
      if (members === undefined) throw notFound();
      return members;
    },
  );
}
