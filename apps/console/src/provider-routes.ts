import { setTimeout as delay } from "node:timers/promises";
import { type Connection, DirectoryError, providerKindNames } from "@rollcall/core/domain";
import {
  findConnection,
  findProvider,
  listReadBacks,
  providerSecretPurpose,
  readProviderReport,
  removeProvider,
  requestProviderTest,
  sealSecret,
  setProvider,
} from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, isStorable, notFound, tenantOf } from "./admin-door.ts";
import { json, moment, pageOf, providerShape } from "./answer-shapes.ts";
import { readProviderSettings } from "./provider-settings.ts";
import { keysetOf, pageQueryOf, read } from "./requests.ts";

const storable = z.string().refine(isStorable, "must be well-formed text");
const newProvider = z.strictObject({
  kind: z.enum(providerKindNames),
  settings: z
    .record(z.string().max(100), storable)
    .refine((given) => Object.keys(given).length <= 40, "has too many")
    .optional(),
  // A key file or a certificate is one, and has lines.
  secret: storable.min(1, "must not be empty").max(16_384, "must have at most 16384 characters").optional(),
});
const noBody = z.strictObject({});
const listQuery = z.strictObject(pageQueryOf(z.string().min(1).max(4_096).refine(isStorable)));

const found = z.object({ works: z.boolean(), lines: z.array(z.string()) });
const waiting = z.object({
  subjectKey: z.string(),
  names: json,
  askedAt: moment,
  attempts: z.int(),
  absentSince: moment.nullable(),
  dueAt: moment,
  lastError: z.string().nullable(),
});

/** As long as an admin waits for what becomes of trying it. */
const testMsMax = 25_000;
const lookEveryMs = 100;

/** How a connection's identity provider is asked about its users. Its secret is never answered. */
export function providerRoutes(app: FastifyInstance, door: AdminDoor): void {
  const { database, credentials } = door;
  const path = "/tenants/:tenant/connections/:connection/provider";
  const key = credentials.keyFor(providerSecretPurpose);
  app.put(
    path,
    about({
      role: "admin",
      summary: "Say how a connection's identity provider is asked",
      body: newProvider,
      answer: providerShape,
    }),
    async (request) => {
      const connection = await connectionOf(door, request);
      const { kind, settings, secret } = read(newProvider, request.body);
      const wanted = {
        kind,
        settings: readProviderSettings(kind, settings ?? {}),
        secret: secret === undefined ? undefined : sealSecret(key, connection.id, secret),
      };
      return setProvider(database, connection.tenantId, connection.id, wanted, adminOf(request).credentialId);
    },
  );
  app.get(
    path,
    about({ role: "viewer", summary: "Show how the identity provider is asked", answer: providerShape }),
    async (request) => {
      const { id, tenantId } = await connectionOf(door, request);
      const provider = await findProvider(database, tenantId, id);
      if (provider === undefined) throw notFound();
      return provider;
    },
  );
  app.delete(
    path,
    about({ role: "admin", summary: "Ask the identity provider no more", status: 204 }),
    async (request, reply) => {
      const { id, tenantId } = await connectionOf(door, request);
      await removeProvider(database, tenantId, id, adminOf(request).credentialId);
      return reply.code(204).send();
    },
  );
  trying(app, door, path);
}

function trying(app: FastifyInstance, door: AdminDoor, path: string): void {
  const { database } = door;
  app.post(
    `${path}/test`,
    about({ role: "operator", summary: "Try the identity provider", body: noBody, answer: found }),
    async (request) => {
      const connection = await connectionOf(door, request);
      read(noBody, request.body);
      return reportOf(door, connection, adminOf(request).credentialId);
    },
  );
  app.get(
    "/tenants/:tenant/connections/:connection/read-backs",
    about({
      role: "viewer",
      summary: "List the users about whom the identity provider is to be asked",
      query: listQuery,
      answer: pageOf(waiting),
    }),
    async (request) => {
      const { id, tenantId } = await connectionOf(door, request);
      return listReadBacks(database, tenantId, id, keysetOf(read(listQuery, request.query)));
    },
  );
}

async function connectionOf(door: AdminDoor, request: FastifyRequest): Promise<Connection> {
  const tenant = await tenantOf(door, request);
  const { connection: slugOrId } = request.params as { readonly connection: string };
  const connection = isStorable(slugOrId) ? await findConnection(door.database, tenant.id, slugOrId) : undefined;
  if (connection === undefined) throw notFound();
  return connection;
}

/** Whoever asks providers tries it, for they have its client and the way to it; here it is waited for. */
async function reportOf({ database }: AdminDoor, { id, tenantId }: Connection, actor: string) {
  const askedAt = await requestProviderTest(database, tenantId, id, actor);
  const deadline = performance.now() + testMsMax;
  while (performance.now() < deadline) {
    const report = await readProviderReport(database, tenantId, id, askedAt);
    if (report !== undefined) return report;
    await delay(lookEveryMs);
  }
  throw new DirectoryError(
    "unavailable",
    `nobody has tried the provider within ${testMsMax / 1_000} seconds: see that a reconciler runs`,
  );
}
