import {
  applyResync,
  cancelResync,
  findConnection,
  listDifferences,
  listResyncs,
  readResync,
  type ResyncHeals,
  type ResyncRun,
  type ResyncScope,
  startResync,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, uuid } from "./answer-shapes.ts";
import { difference, driftQuery, foundCounts } from "./drift-shapes.ts";
import { id, idIn, keysetOf, pageQuery, read, text } from "./requests.ts";

const how = {
  /** Looks, and changes nothing. */
  dryRun: z.boolean().optional(),
  /** Writes events only for those who differ, and not for everybody. */
  differingOnly: z.boolean().optional(),
};
const resyncBody = z.discriminatedUnion("scope", [
  z.strictObject({ scope: z.literal("user"), userId: id, ...how }),
  z.strictObject({ scope: z.literal("group"), groupId: id, ...how }),
  z.strictObject({ scope: z.literal("connection"), connection: text(64), ...how }),
  z.strictObject({ scope: z.literal("tenant"), ...how }),
]);
const listQuery = z.strictObject(pageQuery);

const resync = z.object({
  id: uuid,
  scope: z.enum(["user", "group", "connection", "tenant"]),
  connectionId: uuid.optional(),
  subjectId: uuid.optional(),
  cause: z.enum(["admin", "schedule"]),
  heals: z.enum(["none", "differing", "all"]),
  dryRun: z.boolean(),
  applies: uuid.optional(),
  state: z.enum(["queued", "running", "finished", "cancelled", "failed"]),
  total: z.int(),
  compared: z.int(),
  waiting: z.int(),
  found: foundCounts,
  enqueued: z.int(),
  applied: z.int(),
  dead: z.int(),
  healed: z.int(),
  error: z.string().optional(),
  startedAt: moment,
  begunAt: moment.optional(),
  finishedAt: moment.optional(),
  secondsLeft: z.int().optional(),
});

const path = "/tenants/:tenant/resyncs";
const operator = { role: "operator", status: 202, answer: resync } as const;

/** Compares and brings right a user, a group, a connection or a tenant. A run is answered at once; a reconciler does it. */
export function resyncRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    path,
    about({
      ...operator,
      summary: "Bring a user, group, connection or tenant to what the directory says",
      body: resyncBody,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const body = read(resyncBody, request.body);
      const run = await startResync(door.database, tenant.id, {
        id: door.newId(),
        scope: await scopeOf(door, tenant.id, body),
        heals: healsOf(body),
        actor: adminOf(request).credentialId,
      });
      return reply.code(202).send(viewOf(door, run));
    },
  );
  readingRoutes(app, door);
  endingRoutes(app, door);
}

function readingRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    path,
    about({ role: "viewer", summary: "List resyncs, the newest first", query: listQuery, answer: pageOf(resync) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { items, next } = await listResyncs(door.database, tenant.id, keysetOf(read(listQuery, request.query)));
      return { items: items.map((run) => viewOf(door, run)), next };
    },
  );
  app.get(
    `${path}/:id`,
    about({ role: "viewer", summary: "Show how far a resync has come", answer: resync }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const run = await readResync(door.database, tenant.id, idIn(request.params));
      if (run === undefined) throw notFound();
      return viewOf(door, run);
    },
  );
  app.get(
    `${path}/:id/differences`,
    about({ role: "viewer", summary: "List what a resync has found", query: driftQuery, answer: pageOf(difference) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const runId = idIn(request.params);
      if ((await readResync(door.database, tenant.id, runId)) === undefined) throw notFound();
      const { kind, ...page } = read(driftQuery, request.query);
      return listDifferences(door.database, tenant.id, runId, { ...keysetOf(page), kind });
    },
  );
}

/** What a dry run leads to, and what ends a run. */
function endingRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    `${path}/:id/apply`,
    about({ ...operator, summary: "Heal what a finished dry run has found and what still differs" }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const actor = adminOf(request).credentialId;
      const run = await applyResync(door.database, tenant.id, idIn(request.params), { id: door.newId(), actor });
      return reply.code(202).send(viewOf(door, run));
    },
  );
  app.post(
    `${path}/:id/cancel`,
    about({ role: "operator", summary: "End a resync before its next step", answer: resync }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const actor = adminOf(request).credentialId;
      return viewOf(door, await cancelResync(door.database, tenant.id, idIn(request.params), actor));
    },
  );
}

type Body = z.output<typeof resyncBody>;

function healsOf({ dryRun, differingOnly }: Body): ResyncHeals {
  if (dryRun === true) return "none";
  return differingOnly === true ? "differing" : "all";
}

async function scopeOf(door: AdminDoor, tenantId: string, body: Body): Promise<ResyncScope> {
  if (body.scope !== "connection") return body;
  const connection = await findConnection(door.database, tenantId, body.connection);
  if (connection === undefined) throw notFound();
  return { scope: "connection", connectionId: connection.id };
}

function viewOf({ now }: Pick<AdminDoor, "now">, { cursor: _cursor, appliesId, ...run }: ResyncRun) {
  const secondsLeft = secondsLeftOf(run, now());
  return {
    ...run,
    dryRun: run.heals === "none",
    ...(appliesId === undefined ? {} : { applies: appliesId }),
    ...(secondsLeft === undefined ? {} : { secondsLeft }),
  };
}

/** By the pace until now; undefined while there is none to go by. Whatever is to be applied counts as much as what is to be compared. */
function secondsLeftOf(run: Omit<ResyncRun, "cursor" | "appliesId">, nowMs: number): number | undefined {
  if (run.state !== "running" || run.begunAt === undefined) return undefined;
  const applying = run.heals === "all" ? run.total : run.enqueued;
  const done = Math.min(run.compared, run.total) + run.applied + run.dead;
  const share = done / (run.total + applying);
  if (!(share > 0)) return undefined;
  return Math.max(0, Math.round(((nowMs - run.begunAt.getTime()) / 1_000) * (1 / share - 1)));
}
