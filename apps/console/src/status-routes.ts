import { lagStages, shareMax, shareMin } from "@rollcall/core/domain";
import { findConnection, readLag, readLagHistory, readObjectives, setObjective } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, notFound, tenantOf } from "./admin-door.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
import { lagHistoryShape, lagShape, objectiveShape } from "./lag-shapes.ts";
import { read, text } from "./requests.ts";

const windowSecUsual = 3_600;
const windowSecMax = 31 * 86_400;
const objectiveMsMax = 86_400_000;

const windowSec = z.coerce.number().int().min(1).max(windowSecMax).default(windowSecUsual);
const lagQuery = z.strictObject({ windowSec, connection: text(64).optional() });
const historyQuery = z.strictObject({
  windowSec: windowSec.pipe(z.int().min(60)),
  stepSec: z.coerce.number().int().min(60).max(86_400).default(60),
  connection: text(64).optional(),
});
const p99Ms = `must be a whole number of milliseconds, from 1 to ${objectiveMsMax}, which is a day`;
const share = `must be from ${shareMin} to ${shareMax}, which is ${shareMin * 100} to ${shareMax * 100} %`;
const objectiveBody = z.strictObject({
  p99Ms: z.int(p99Ms).min(1, p99Ms).max(objectiveMsMax, p99Ms),
  share: z.number(share).min(shareMin, share).max(shareMax, share),
});

/** How the line through the house is doing: what each stage took, what waits, and what is to hold. */
export function statusRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  const connectionIdOf = async (tenantId: string, named: string | undefined): Promise<string | undefined> => {
    if (named === undefined) return undefined;
    const connection = await findConnection(database, tenantId, named);
    if (connection === undefined) throw notFound();
    return connection.id;
  };
  const lag = { summary: "Show what each stage took, and what waits", query: lagQuery, answer: lagShape };
  app.get("/tenants/:tenant/lag", about({ ...lag, role: "viewer" }), async (request) => {
    const tenant = await tenantOf(door, request);
    const query = read(lagQuery, request.query);
    return readLag(database, tenant.id, query.windowSec, await connectionIdOf(tenant.id, query.connection));
  });
  const history = { summary: "Show what each stage took, step by step", query: historyQuery, answer: lagHistoryShape };
  app.get("/tenants/:tenant/lag/history", about({ ...history, role: "viewer" }), async (request) => {
    const tenant = await tenantOf(door, request);
    const { connection, ...window } = read(historyQuery, request.query);
    const connectionId = await connectionIdOf(tenant.id, connection);
    const points = await readLagHistory(database, tenant.id, { ...window, connectionId }, new Date(door.now()));
    return { stepSec: window.stepSec, points };
  });
  objectiveRoutes(app, door);
}

function objectiveRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database } = door;
  const objectives = {
    summary: "List what is to hold of each stage",
    answer: z.object({ items: z.array(objectiveShape) }),
    tagged: true,
  } as const;
  app.get("/tenants/:tenant/objectives", about({ ...objectives, role: "viewer" }), async (request, reply) => {
    const tenant = await tenantOf(door, request);
    const items = await readObjectives(database, tenant.id);
    return tagged(reply, items).send({ items });
  });
  const setting = {
    summary: "Say how quick a stage is to be; all stages have one tag",
    body: objectiveBody,
    answer: objectiveShape,
    tagged: true,
  } as const;
  app.put("/tenants/:tenant/objectives/:stage", about({ ...setting, role: "admin" }), async (request, reply) => {
    const tenant = await tenantOf(door, request);
    const { stage: named } = request.params as { readonly stage: string };
    const stage = lagStages.find((one) => one === named);
    if (stage === undefined) throw notFound();
    const objective = { stage, ...read(objectiveBody, request.body) };
    const actor = adminOf(request).credentialId;
    const all = await setObjective(database, tenant.id, objective, actor, expectationOf(request));
    return tagged(reply, all).send(all.find((one) => one.stage === stage));
  });
}
