import {
  changedDialect,
  connectionKinds,
  type DialectPatch,
  dialectRuleNames,
  dialectRules,
  requestKinds,
} from "@rollcall/core/domain";
import { createConnection, findConnection, listConnections, updateConnection } from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, isStorable, notFound, tenantOf } from "./admin-door.ts";
import { connectionShape, connectionView } from "./answer-shapes.ts";
import { viewOf } from "./connection-view.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
import { pullSettings } from "./pull-settings.ts";
import { issuer, read, slug, text } from "./requests.ts";

const secondsMax = 366 * 86_400;
const issuersMax = 20;
const attribute = text(200).regex(
  /^(?:urn:[\w.:-]+:\w+|\w+\[primary\]|\w+(?:\.\w+)*)$/,
  "must be like externalId, name.givenName, emails[primary] or urn:…:employeeNumber",
);

// Each rule with its choices; null leaves it to the connection's kind again.
const dialect = z.strictObject(
  Object.fromEntries(
    dialectRuleNames.map((rule) => [rule, z.enum(Object.keys(dialectRules[rule].choices)).nullable().optional()]),
  ),
);

// What is named is the connection's own; what is not is what every connection may.
const rates = z.partialRecord(z.enum(requestKinds), z.int().min(1).max(1_000_000));

const claim = text(200);
const attributes = z.array(attribute).max(50);
// What is named replaces what there was under that name; what is not stays.
const justInTime = z
  .strictObject({
    enabled: z.boolean(),
    claims: z.record(attribute, claim).refine((claims) => Object.keys(claims).length <= 50, "must name at most 50"),
    required: attributes,
    match: z.record(claim, text(512)).refine((claims) => Object.keys(claims).length <= 10, "must name at most 10"),
    services: z
      .array(z.union([z.strictObject({ claim, equals: text(512) }), z.strictObject({ claim, prefix: text(512) })]))
      .max(50),
  })
  .partial();

const settings = {
  kind: z.enum(connectionKinds),
  dialect,
  name: text(200),
  issuers: z.array(issuer).max(issuersMax),
  audience: text(512).nullable(),
  subjectClaim: text(100),
  subjectRule: z.enum(["direct", "attribute", "federated"]),
  subjectAttribute: attribute,
  subjectCompare: z.enum(["exact", "casefold"]),
  tokenLifetimeSec: z.int().min(60).max(secondsMax),
  rates,
  justInTime,
  pull: pullSettings.nullable(),
};
const patchBody = z.strictObject(settings).partial();
const connectionBody = z.strictObject({ ...patchBody.shape, slug, kind: settings.kind.default("scim") });

const changed = z.object({ connection: connectionView, resyncNeeded: z.boolean() });

export function connectionRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.post(
    "/tenants/:tenant/connections",
    about({
      role: "admin",
      summary: "Create a connection",
      body: connectionBody,
      status: 201,
      answer: connectionView,
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { audience, pull, ...body } = read(connectionBody, request.body);
      const connection = {
        ...body,
        id: door.newId(),
        name: body.name ?? body.slug,
        audience: audience ?? undefined,
        pull: pull ?? undefined,
        dialect: changedDialect({}, patchOf(body.dialect)),
      };
      const made = await createConnection(door.database, tenant.id, connection, adminOf(request).credentialId);
      return tagged(reply, made).code(201).send(viewOf(made));
    },
  );
  app.get(
    "/tenants/:tenant/connections",
    about({
      role: "viewer",
      summary: "List the connections of a tenant",
      answer: z.object({ items: z.array(connectionShape) }),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      return { items: await listConnections(door.database, tenant.id) };
    },
  );
  app.get(
    "/tenants/:tenant/connections/:connection",
    about({
      role: "viewer",
      summary: "Show a connection, with its dialect in words",
      answer: connectionView,
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const connection = await findConnection(door.database, tenant.id, connectionIn(request));
      if (connection === undefined) throw notFound();
      return tagged(reply, connection).send(viewOf(connection));
    },
  );
  change(app, door);
}

function change(app: FastifyInstance, door: AdminDoor): void {
  app.patch(
    "/tenants/:tenant/connections/:connection",
    about({
      role: "admin",
      summary: "Change a connection; what is left out stays",
      body: patchBody,
      answer: changed,
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { audience, pull, ...body } = read(patchBody, request.body);
      // null takes the audience away, or ends the schedule of listings; left out, either stays.
      const settled = audience === undefined ? body : { ...body, audience: audience ?? undefined };
      const planned = pull === undefined ? {} : { pull: pull ?? undefined };
      const patch = { ...settled, ...planned, dialect: body.dialect && patchOf(body.dialect) };
      const { connection, resyncNeeded } = await updateConnection(
        door.database,
        tenant.id,
        connectionIn(request),
        patch,
        adminOf(request).credentialId,
        expectationOf(request),
      );
      return tagged(reply, connection).send({ connection: viewOf(connection), resyncNeeded });
    },
  );
}

// The shape above is made from the rules themselves, which the type of a shape cannot say.
function patchOf(read: z.output<typeof dialect> | undefined): DialectPatch {
  return (read ?? {}) as DialectPatch;
}

export function connectionIn(request: FastifyRequest): string {
  const { connection } = request.params as { readonly connection: string };
  if (!isStorable(connection)) throw notFound();
  return connection;
}
