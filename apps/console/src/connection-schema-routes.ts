import { type ExtensionSchema, isObject, type Json, readSchemaDefinition } from "@rollcall/core/domain";
import {
  addConnectionSchema,
  listConnectionSchemas,
  type RegisteredSchema,
  removeConnectionSchema,
  replaceConnectionSchema,
} from "@rollcall/core/store";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, isStorable, notFound, tenantOf } from "./admin-door.ts";
import { moment } from "./answer-shapes.ts";
import { type Problem, RequestInvalid } from "./refusal.ts";
import { check } from "./requests.ts";

const useBody = z.strictObject({
  resourceType: z.enum(["User", "Group"]).default("User"),
  canonicalValuesOnly: z.boolean().default(false),
});

// The definition itself is read by hand, so that everything wrong with it can be said (RFC 7643 §7).
const schemaBody = useBody.partial().extend({ schema: z.record(z.string(), z.unknown()) });
const registered = z.object({
  urn: z.string(),
  resourceType: z.enum(["User", "Group"]),
  canonicalValuesOnly: z.boolean(),
  schema: z.record(z.string(), z.unknown()),
  createdAt: moment,
  updatedAt: moment,
});

type Named = { readonly connection: string; readonly urn: string };

/** The schemas that one connection's users and groups may carry beside SCIM's own (RFC 7643 §3.3, §7). */
export function connectionSchemaRoutes(app: FastifyInstance, door: AdminDoor): void {
  const all = "/tenants/:tenant/connections/:connection/schemas";
  const one = `${all}/:urn`;
  const { database } = door;

  app.get(
    all,
    about({
      role: "viewer",
      summary: "List the extension schemas of a connection",
      answer: z.object({ items: z.array(registered) }),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { connection } = namesIn(request);
      return { items: (await listConnectionSchemas(database, tenant.id, connection)).map(shown) };
    },
  );
  app.get(one, about({ role: "viewer", summary: "Show an extension schema", answer: registered }), async (request) => {
    const tenant = await tenantOf(door, request);
    const { connection, urn } = namesIn(request);
    const schemas = await listConnectionSchemas(database, tenant.id, connection);
    const found = schemas.find(({ definition }) => definition.id.toLowerCase() === urn.toLowerCase());
    if (found === undefined) throw notFound();
    return shown(found);
  });
  registration(app, door, all, one);
}

function registration(app: FastifyInstance, door: AdminDoor, all: string, one: string): void {
  const { database } = door;
  app.post(
    all,
    about({
      role: "admin",
      summary: "Register an extension schema",
      body: schemaBody,
      status: 201,
      answer: registered,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { connection } = namesIn(request);
      const schema = readExtension(request.body);
      const added = await addConnectionSchema(database, tenant.id, connection, schema, adminOf(request).credentialId);
      return reply.code(201).send(shown(added));
    },
  );
  app.put(
    one,
    about({ role: "admin", summary: "Replace an extension schema", body: schemaBody, answer: registered }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { connection, urn } = namesIn(request);
      const schema = readExtension(request.body);
      if (schema.definition.id !== urn)
        throw new RequestInvalid([{ at: "schema.id", message: "must be the URN that the path names" }]);
      return shown(
        await replaceConnectionSchema(database, tenant.id, connection, schema, adminOf(request).credentialId),
      );
    },
  );
  app.delete(
    one,
    about({ role: "admin", summary: "Remove an extension schema", status: 204 }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const { connection, urn } = namesIn(request);
      await removeConnectionSchema(database, tenant.id, connection, urn, adminOf(request).credentialId);
      return reply.code(204).send();
    },
  );
}

/** Reads `{ resourceType, canonicalValuesOnly, schema }`. Throws one refusal that lists every problem of both. */
function readExtension(body: unknown): ExtensionSchema {
  const { schema, ...use } = isObject(body as Json) ? (body as { readonly schema?: Json }) : {};
  const { definition, problems } = readSchemaDefinition(schema);
  const placed = problems.map(({ at, message }): Problem => ({ at: at === "" ? "schema" : `schema.${at}`, message }));
  const used = check(useBody, use);
  if (used.data !== undefined && definition !== undefined) return { ...used.data, definition };
  throw new RequestInvalid([...used.problems, ...placed]);
}

function namesIn(request: FastifyRequest): Named {
  const { connection, urn = "" } = request.params as Partial<Named>;
  if (connection === undefined || !isStorable(connection) || !isStorable(urn)) throw notFound();
  return { connection, urn };
}

/** A registration as it was sent, with what was left out said. */
function shown({ definition, resourceType, canonicalValuesOnly, createdAt, updatedAt }: RegisteredSchema) {
  return { urn: definition.id, resourceType, canonicalValuesOnly, schema: definition, createdAt, updatedAt };
}
