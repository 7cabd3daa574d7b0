import { type Connection, pullDifferenceKinds } from "@rollcall/core/domain";
import {
  cancelPull,
  findConnection,
  findPull,
  listPullDifferences,
  listPulls,
  releasePull,
  startPull,
} from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { json, moment, pageOf, uuid } from "./answer-shapes.ts";
import { connectionIn } from "./connection-routes.ts";
import { idIn, keysetOf, pageQuery, pageQueryOf, read, text } from "./requests.ts";

const startBody = z.strictObject({ dryRun: z.boolean().default(false) });
const releaseBody = z.strictObject({ note: text(500) });
const noBody = z.strictObject({});
const listQuery = z.strictObject({ ...pageQuery, connection: text(64).optional() });
const kind = z.enum(pullDifferenceKinds);
const differencesQuery = z.strictObject({
  ...pageQueryOf(z.string().regex(/^[1-9]\d{0,15}$/, "must be what the page before answered as next")),
  kind: kind.optional(),
});

const pull = z.object({
  id: uuid,
  connection: z.string(),
  dryRun: z.boolean(),
  state: z.enum(["listing", "comparing", "braked", "applying", "finished", "cancelled", "failed"]),
  listed: z.int(),
  listedGroups: z.int(),
  complete: z.boolean(),
  found: z.partialRecord(kind, z.int()),
  settled: z.int(),
  brake: z
    .object({
      cause: z.enum(["shut_out", "changed"]),
      share: z.number(),
      count: z.int(),
      would: z.int(),
      of: z.int(),
    })
    .nullable(),
  reason: z.string().nullable(),
  startedAt: moment,
  finishedAt: moment.nullable(),
});
const difference = z.object({
  id: z.string(),
  kind,
  subjectKind: z.enum(["user", "group"]),
  subjectId: uuid.nullable(),
  name: z.string(),
  detail: json,
  outcome: z.string().nullable(),
  healedAt: moment.nullable(),
});

/** Listings of everybody by a connection's provider: what each found, what stopped it, and what came of it. */
export function pullRoutes(app: FastifyInstance, door: AdminDoor): void {
  looks(app, door);
  acts(app, door);
}

const one = "/tenants/:tenant/pulls/:id";

function acts(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  app.post(
    "/tenants/:tenant/connections/:connection/pulls",
    about({
      role: "operator",
      summary: "List everybody at the identity provider, and take over what differs",
      body: startBody,
      status: 202,
      answer: pull,
    }),
    async (request, reply) => {
      const { id, tenantId } = await connectionOf(door, request);
      const { dryRun } = read(startBody, request.body);
      const asked = { id: door.newId(), dryRun, actor: adminOf(request).credentialId };
      return reply.code(202).send(await startPull(database, tenantId, id, asked));
    },
  );
  app.post(
    `${one}/release`,
    about({ role: "admin", summary: "Let a listing go on that was stopped", body: releaseBody, answer: pull }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { note } = read(releaseBody, request.body);
      return releasePull(database, tenant.id, idIn(request.params), { actor: adminOf(request).credentialId, note });
    },
  );
  app.post(
    `${one}/cancel`,
    about({ role: "operator", summary: "End a listing where it is", body: noBody, answer: pull }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      read(noBody, request.body);
      return cancelPull(database, tenant.id, idIn(request.params), adminOf(request).credentialId);
    },
  );
}

function looks(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  app.get(
    "/tenants/:tenant/pulls",
    about({
      role: "viewer",
      summary: "List the listings of identity providers",
      query: listQuery,
      answer: pageOf(pull),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { connection: named, ...page } = read(listQuery, request.query);
      const connection = named === undefined ? undefined : await findConnection(database, tenant.id, named);
      if (named !== undefined && connection === undefined) throw notFound();
      return listPulls(database, tenant.id, connection?.id, keysetOf(page));
    },
  );
  app.get(one, about({ role: "viewer", summary: "Show a listing", answer: pull }), async (request) => {
    const tenant = await tenantOf(door, request);
    return (await findPull(database, tenant.id, idIn(request.params))) ?? refuseUnknown();
  });
  app.get(
    `${one}/differences`,
    about({
      role: "viewer",
      summary: "List what a listing says otherwise than the directory",
      query: differencesQuery,
      answer: pageOf(difference),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { kind: wanted, ...page } = read(differencesQuery, request.query);
      const run = (await findPull(database, tenant.id, idIn(request.params))) ?? refuseUnknown();
      return listPullDifferences(database, tenant.id, run.id, wanted, keysetOf(page));
    },
  );
}

async function connectionOf(door: AdminDoor, request: FastifyRequest): Promise<Connection> {
  const tenant = await tenantOf(door, request);
  const connection = await findConnection(door.database, tenant.id, connectionIn(request));
  if (connection === undefined) throw notFound();
  return connection;
}

function refuseUnknown(): never {
  throw notFound();
}
