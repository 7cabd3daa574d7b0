import {
  attributeAt,
  DirectoryError,
  type ExtensionSchema,
  extensionSchemasMax,
  type SchemaDefinition,
  type SubjectRule,
  urnsClash,
} from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import { connectionNamed } from "./connections.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** A registered schema, and when it was registered and last replaced. */
export type RegisteredSchema = ExtensionSchema & { readonly createdAt: Date; readonly updatedAt: Date };

type SchemaRow = {
  resource_type: ExtensionSchema["resourceType"];
  definition: SchemaDefinition;
  canonical_values_only: boolean;
  created_at: Date;
  updated_at: Date;
};

type SubjectRow = { id: string; subject_rule: SubjectRule; subject_attribute: string };

/** What the registrations of one connection are changed by: the rows as they are, under the connection's lock. */
type Scope = {
  readonly transaction: Transaction;
  readonly tenantId: string;
  readonly connectionId: string;
  /** The attribute that tokens' subjects are found by, where an attribute is what finds them. */
  readonly subjectAttribute: string | undefined;
  readonly registered: readonly RegisteredSchema[];
  readonly actor: string;
};

const columns = sql`resource_type, definition, canonical_values_only, created_at, updated_at`;

/** A connection's extension schemas, for whoever reads its resources. */
export async function readConnectionSchemas(
  database: Database,
  tenantId: string,
  connectionId: string,
): Promise<readonly ExtensionSchema[]> {
  const rows = await database.once<SchemaRow>(tenantId, registeredStatement(connectionId));
  return rows.map(toRegistered);
}

/** Throws `not_found` where the tenant has no such connection. */
export async function listConnectionSchemas(
  database: Database,
  tenantId: string,
  slugOrId: string,
): Promise<readonly RegisteredSchema[]> {
  return database.inTenant(tenantId, async (transaction) => {
    const { id } = await findRow(transaction, slugOrId, sql``);
    return (await transaction.query<SchemaRow>(registeredStatement(id))).map(toRegistered);
  });
}

/** Throws `not_found`, `schema_taken` where one of the connection has its URN or clashes with it, and `too_many`. */
export async function addConnectionSchema(
  database: Database,
  tenantId: string,
  slugOrId: string,
  schema: ExtensionSchema,
  actor: string,
): Promise<RegisteredSchema> {
  return changing(database, tenantId, slugOrId, actor, async (scope) => {
    refuseClash(scope.registered, schema.definition.id);
    if (scope.registered.length >= extensionSchemasMax)
      throw new DirectoryError("too_many", `a connection may have at most ${extensionSchemasMax} schemas of its own`);
    const [row] = await scope.transaction.query<SchemaRow>(sql`
      INSERT INTO connection_schema (connection_id, urn_key, tenant_id, resource_type, definition, canonical_values_only)
      VALUES (${scope.connectionId}, ${keyOf(schema.definition.id)}, ${tenantId}, ${schema.resourceType}, ${JSON.stringify(schema.definition)}, ${schema.canonicalValuesOnly})
      RETURNING ${columns}`);
    if (row === undefined) throw new Error("a schema was neither registered nor refused");
    await record(scope, "connection.schema.add", undefined, schema);
    return toRegistered(row);
  });
}

/**
 * Puts another definition in the place of one with the same URN and resource type, so that no request
 * meets a moment without it. Throws `not_found`, and `schema_in_use` where the subject's attribute would go.
 */
export async function replaceConnectionSchema(
  database: Database,
  tenantId: string,
  slugOrId: string,
  schema: ExtensionSchema,
  actor: string,
): Promise<RegisteredSchema> {
  return changing(database, tenantId, slugOrId, actor, async (scope) => {
    const { id } = schema.definition;
    const before = registeredAs(scope, id);
    // Data is kept under the URN as it was first written, and belongs to one kind of resource.
    if (before.definition.id !== id || before.resourceType !== schema.resourceType)
      throw new DirectoryError(
        "value_invalid",
        `it is registered as ${before.definition.id} for ${before.resourceType}, which cannot change`,
      );
    refuseLossOfSubject(scope, before.definition, schema.definition);
    const [row] = await scope.transaction.query<SchemaRow>(sql`
      UPDATE connection_schema
      SET definition = ${JSON.stringify(schema.definition)}, canonical_values_only = ${schema.canonicalValuesOnly}, updated_at = now()
      WHERE connection_id = ${scope.connectionId} AND urn_key = ${keyOf(id)}
      RETURNING ${columns}`);
    if (row === undefined) throw new Error("a locked schema is gone");
    await record(scope, "connection.schema.replace", before, schema);
    return toRegistered(row);
  });
}

/**
 * Ends a registration. What users and groups hold of it stays stored and is shown no more, until it is
 * registered again or their next PUT leaves it out. Throws `not_found`, `schema_in_use`.
 */
export async function removeConnectionSchema(
  database: Database,
  tenantId: string,
  slugOrId: string,
  urn: string,
  actor: string,
): Promise<void> {
  await changing(database, tenantId, slugOrId, actor, async (scope) => {
    const before = registeredAs(scope, urn);
    refuseLossOfSubject(scope, before.definition, undefined);
    await scope.transaction.query(
      sql`DELETE FROM connection_schema WHERE connection_id = ${scope.connectionId} AND urn_key = ${keyOf(urn)}`,
    );
    await record(scope, "connection.schema.remove", before, undefined);
  });
}

/** One change at a time for a connection, and with it the number that tells readers to read again. */
async function changing<Result>(
  database: Database,
  tenantId: string,
  slugOrId: string,
  actor: string,
  work: (scope: Scope) => Promise<Result>,
): Promise<Result> {
  return database.inTenant(tenantId, async (transaction) => {
    const { id, subject_rule, subject_attribute } = await findRow(transaction, slugOrId, sql`FOR NO KEY UPDATE`);
    const subjectAttribute = subject_rule === "attribute" ? subject_attribute : undefined;
    const registered = (await transaction.query<SchemaRow>(registeredStatement(id))).map(toRegistered);
    const result = await work({ transaction, tenantId, connectionId: id, subjectAttribute, registered, actor });
    await transaction.query(sql`UPDATE connection SET schemas_version = schemas_version + 1 WHERE id = ${id}`);
    return result;
  });
}

async function findRow(transaction: Transaction, slugOrId: string, strength: Sql): Promise<SubjectRow> {
  const [row] = await transaction.query<SubjectRow>(
    sql`SELECT id, subject_rule, subject_attribute FROM connection WHERE ${connectionNamed(slugOrId)} ${strength}`,
  );
  if (row === undefined) throw new DirectoryError("not_found", `no connection ${slugOrId}`);
  return row;
}

function registeredStatement(connectionId: string): Sql {
  return sql`SELECT ${columns} FROM connection_schema WHERE connection_id = ${connectionId} ORDER BY urn_key`;
}

function refuseClash(registered: readonly RegisteredSchema[], urn: string): void {
  const clash = registered.find(({ definition }) => urnsClash(definition.id, urn));
  if (clash === undefined) return;
  throw new DirectoryError(
    "schema_taken",
    keyOf(clash.definition.id) === keyOf(urn)
      ? `${clash.definition.id} is already registered; replace it, or remove it first`
      : `${urn} and the registered ${clash.definition.id} begin alike: an attribute of one would name the other`,
  );
}

function registeredAs(scope: Scope, urn: string): RegisteredSchema {
  const found = scope.registered.find(({ definition }) => keyOf(definition.id) === keyOf(urn));
  if (found === undefined) throw new DirectoryError("not_found", `no schema ${urn}`);
  return found;
}

// Users would keep the subjects they have, and nobody new would ever get one.
function refuseLossOfSubject(
  { subjectAttribute }: Scope,
  before: SchemaDefinition,
  after: SchemaDefinition | undefined,
): void {
  const names = (schema: SchemaDefinition | undefined): boolean =>
    schema !== undefined &&
    subjectAttribute !== undefined &&
    attributeAt(shapeOf(schema), subjectAttribute) !== undefined;
  if (names(before) && !names(after))
    throw new DirectoryError(
      "schema_in_use",
      `subjects of this connection are found by ${subjectAttribute}: set another attribute first`,
    );
}

/** A resource with every attribute of the schema, to ask whether a path leads anywhere. */
function shapeOf({ id, attributes }: SchemaDefinition) {
  return { [id]: Object.fromEntries(attributes.map(({ name }) => [name, true])) };
}

async function record(
  scope: Scope,
  action: string,
  before: ExtensionSchema | undefined,
  after: ExtensionSchema | undefined,
): Promise<void> {
  await recordAudit(scope.transaction, scope.tenantId, {
    actor: scope.actor,
    action,
    target: scope.connectionId,
    ...(before && { before: told(before) }),
    ...(after && { after: told(after) }),
  });
}

function told({ definition, resourceType, canonicalValuesOnly }: ExtensionSchema) {
  return {
    urn: definition.id,
    resourceType,
    canonicalValuesOnly,
    attributes: definition.attributes.map(({ name }) => name),
  };
}

function keyOf(urn: string): string {
  return urn.toLowerCase();
}

function toRegistered(row: SchemaRow): RegisteredSchema {
  return {
    resourceType: row.resource_type,
    canonicalValuesOnly: row.canonical_values_only,
    definition: row.definition,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
