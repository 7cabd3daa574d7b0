import { randomBytes } from "node:crypto";
import { addressHost, type JsonObject, sourceKindNames, sourceKinds, type SourceKind } from "@rollcall/core/domain";
import {
  type ConfiguredSource,
  createSource,
  findConnection,
  findSource,
  listSourceEvents,
  listSources,
  removeSource,
  rotateSourceSecret,
  sealSecret,
  type SourceEventPlace,
  type SourcePatch,
  sourceSecretPurpose,
  updateSource,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, isStorable, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, rotated, sourceShape, uuid } from "./answer-shapes.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
import { RequestInvalid } from "./refusal.ts";
import { idIn, keysetOf, pageQuery, pageQueryOf, read, text } from "./requests.ts";
import { readSourceSettings } from "./source-settings.ts";
import { decodeTimedPlace, encodeTimedPlace } from "./timed-place.ts";

/** So long the secret before verifies too: the sender takes the new one at any moment of it. */
const overlapMs = 24 * 3_600_000;
const settings = z
  .record(z.string().max(100), text(2_048))
  .refine((given) => Object.keys(given).length <= 30, "has too many");
const secret = text(4_096).optional();
const newSource = z.strictObject({
  connection: text(64),
  kind: z.enum(sourceKindNames),
  name: text(200).optional(),
  settings: settings.optional(),
  secret,
});
const sourcePatch = z.strictObject({
  name: text(200).optional(),
  status: z.enum(["enabled", "paused"]).optional(),
  settings: settings.optional(),
  secret,
});
const noBody = z.strictObject({});
const listQuery = z.strictObject(pageQuery);
// Where the page before ended, or a moment of one's own.
const eventsQuery = z.strictObject(pageQueryOf(z.string().max(8_192).transform(eventsAfter)));

const noted = z.object({
  id: z.string(),
  kind: z.string(),
  outcome: z.string(),
  subjectId: uuid.nullable(),
  occurredAt: moment.nullable(),
  acceptedAt: moment,
});

/** Where a connection's events come from beside SCIM. A secret that we make is answered once, when it is made. */
export function sourceRoutes(app: FastifyInstance, door: AdminDoor): void {
  const key = door.credentials.keyFor(sourceSecretPurpose);
  creation(app, door, key);
  app.get(
    "/tenants/:tenant/sources",
    about({ role: "viewer", summary: "List the sources of a tenant", query: listQuery, answer: pageOf(sourceShape) }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const page = await listSources(door.database, tenant.id, keysetOf(read(listQuery, request.query)));
      return { ...page, items: page.items.map((source) => viewOf(door, source)) };
    },
  );
  app.get(
    "/tenants/:tenant/sources/:id",
    about({ role: "viewer", summary: "Show a source", answer: sourceShape, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const source = await existing(door, tenant.id, idIn(request.params));
      return tagged(reply, source).send(viewOf(door, source));
    },
  );
  change(app, door, key);
  rotation(app, door, key);
  app.get(
    "/tenants/:tenant/sources/:id/events",
    about({
      role: "viewer",
      summary: "List what a source has said, the newest first",
      query: eventsQuery,
      answer: pageOf(noted),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { after, limit } = read(eventsQuery, request.query);
      const { id } = await existing(door, tenant.id, idIn(request.params));
      const { items, next } = await listSourceEvents(door.database, tenant.id, id, after, limit);
      return { items, next: next && encodeTimedPlace(next) };
    },
  );
}

function change(app: FastifyInstance, door: AdminDoor, key: Buffer): void {
  app.patch(
    "/tenants/:tenant/sources/:id",
    about({ role: "admin", summary: "Change a source", body: sourcePatch, answer: sourceShape, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const id = idIn(request.params);
      const body = read(sourcePatch, request.body);
      const { kind, settings: before } = await existing(door, tenant.id, id);
      if (body.secret !== undefined && sourceKinds[kind].secret !== "given")
        throw new RequestInvalid([{ at: "secret", message: "is not the sender's for this kind of source: rotate it" }]);
      // Whoever says where it is polled could otherwise have the secret sent to themselves.
      if (body.secret === undefined && body.settings !== undefined && isElsewhere(before, body.settings))
        throw new RequestInvalid([
          { at: "secret", message: "is required: the one that there is was given for another host" },
        ]);
      const patch: SourcePatch = {
        ...(body.name === undefined ? {} : { name: body.name }),
        ...(body.status === undefined ? {} : { status: body.status }),
        ...(body.settings === undefined ? {} : { settings: readSourceSettings(door, kind, body.settings) }),
        ...(body.secret === undefined ? {} : { secret: sealSecret(key, id, body.secret) }),
      };
      const { credentialId } = adminOf(request);
      const source = await updateSource(door.database, tenant.id, id, patch, credentialId, expectationOf(request));
      return tagged(reply, source).send(viewOf(door, source));
    },
  );
  app.delete(
    "/tenants/:tenant/sources/:id",
    about({ role: "admin", summary: "Remove a source", status: 204, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { credentialId } = adminOf(request);
      await removeSource(door.database, tenant.id, idIn(request.params), credentialId, expectationOf(request));
      return reply.code(204).send();
    },
  );
}

function creation(app: FastifyInstance, door: AdminDoor, key: Buffer): void {
  app.post(
    "/tenants/:tenant/sources",
    about({
      role: "admin",
      summary: "Add a source; a secret of ours is told this once",
      body: newSource,
      status: 201,
      answer: sourceShape.extend({ secret: z.string().optional() }),
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const body = read(newSource, request.body);
      const connection = await findConnection(door.database, tenant.id, body.connection);
      if (connection === undefined) throw notFound();
      const id = door.newId();
      const own = firstSecret(body.kind, body.secret);
      const source = await createSource(
        door.database,
        tenant.id,
        {
          id,
          connectionId: connection.id,
          kind: body.kind,
          name: body.name ?? body.kind,
          settings: readSourceSettings(door, body.kind, body.settings ?? {}),
          secret: own === undefined ? undefined : sealSecret(key, id, own),
        },
        adminOf(request).credentialId,
      );
      const isOurs = sourceKinds[body.kind].secret === "made";
      return tagged(reply, source)
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...viewOf(door, source), ...(isOurs ? { secret: own } : {}) });
    },
  );
}

function rotation(app: FastifyInstance, door: AdminDoor, key: Buffer): void {
  app.post(
    "/tenants/:tenant/sources/:id/rotate",
    about({
      role: "admin",
      summary: "Replace a source's secret; the new one is told this once",
      body: noBody,
      answer: rotated,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const id = idIn(request.params);
      read(noBody, request.body);
      const { kind } = await existing(door, tenant.id, id);
      if (sourceKinds[kind].secret !== "made")
        throw new RequestInvalid([{ at: "", message: "the secret of this kind of source is the sender's: set it" }]);
      const fresh = newSecret();
      const formerUntil = new Date(door.now() + overlapMs);
      await rotateSourceSecret(
        door.database,
        tenant.id,
        id,
        { secret: sealSecret(key, id, fresh), formerUntil },
        adminOf(request).credentialId,
      );
      return reply.header("cache-control", "no-store").send({ id, secret: fresh, formerUntil });
    },
  );
}

/** Whether a stream is to be polled at another host than the one that its secret was given for. */
function isElsewhere(before: JsonObject, after: Readonly<Record<string, string>>): boolean {
  const [from, to] = [addressHost(before["endpoint"]), addressHost(after["endpoint"])];
  return from !== undefined && to !== undefined && from !== to;
}

function eventsAfter(text: string, context: z.core.$RefinementCtx): SourceEventPlace | Date {
  const moment = z.iso.datetime({ offset: true }).safeParse(text);
  if (moment.success) return new Date(moment.data);
  const place = decodeTimedPlace(text);
  if (place !== undefined && isStorable(place.id)) return place;
  context.addIssue({ code: "custom", message: "must be what the page before answered as next, or a moment" });
  return z.NEVER;
}

async function existing({ database }: AdminDoor, tenantId: string, id: string): Promise<ConfiguredSource> {
  const source = await findSource(database, tenantId, id);
  if (source === undefined) throw notFound();
  return source;
}

/** With the address that its sender is given, where it is given one. */
function viewOf({ publicUrl }: AdminDoor, source: ConfiguredSource): ConfiguredSource & { readonly url?: string } {
  return sourceKinds[source.kind].polled === true ? source : { ...source, url: `${publicUrl}/hooks/${source.id}` };
}

function firstSecret(kind: SourceKind, given: string | undefined): string | undefined {
  const whose = sourceKinds[kind].secret;
  if (whose === "given" && given === undefined)
    throw new RequestInvalid([
      { at: "secret", message: "is required: the secret that the sender shows for this webhook" },
    ]);
  if (whose !== "given" && given !== undefined)
    throw new RequestInvalid([{ at: "secret", message: "is not given for this kind of source" }]);
  return whose === "made" ? newSecret() : given;
}

/** In the form of Standard Webhooks: 32 random bytes. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}
