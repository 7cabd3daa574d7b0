import type { Connection, ExtensionSchema } from "@rollcall/core/domain";
import { type ConnectionSchemas, groupSchema, schemaOf, standardSchemas, userSchema } from "./schema.ts";

/** What a connection's resources may hold, worked out once for each version of its schemas. */
export type SchemasOf = (
  connection: Pick<Connection, "id" | "tenantId" | "schemasVersion">,
) => Promise<ConnectionSchemas>;

type Compiled = { readonly version: number; readonly schemas: Promise<ConnectionSchemas> };

// A connection's schemas take some kilobytes, and at the very most a few hundred.
const compiledMax = 200;

/**
 * Reads a connection's own schemas where it has any, and remembers what follows from them for as long
 * as their version stands; of the connections that were asked for longest ago it forgets the oldest.
 */
export function createConnectionSchemas(
  load: (tenantId: string, connectionId: string) => Promise<readonly ExtensionSchema[]>,
): SchemasOf {
  const compiled = new Map<string, Compiled>();

  function compileNow({ id, tenantId, schemasVersion: version }: Parameters<SchemasOf>[0]): Compiled {
    const schemas = load(tenantId, id).then((extensions) => compile(extensions, version));
    const fresh = { version, schemas };
    // What failed is not remembered: the next request asks again.
    schemas.catch(() => compiled.get(id) === fresh && compiled.delete(id));
    return fresh;
  }

  return async (connection) => {
    // Most connections have none, and cost nothing.
    if (connection.schemasVersion === 0) return standardSchemas;
    const known = compiled.get(connection.id);
    const current = known?.version === connection.schemasVersion ? known : compileNow(connection);
    compiled.delete(connection.id);
    compiled.set(connection.id, current);
    const [oldest] = compiled.keys();
    if (compiled.size > compiledMax && oldest !== undefined) compiled.delete(oldest);
    return current.schemas;
  };
}

function compile(registered: readonly ExtensionSchema[], version: number): ConnectionSchemas {
  const extensionsOf = (resourceType: "User" | "Group") =>
    registered
      .filter((one) => one.resourceType === resourceType)
      .map(({ definition, canonicalValuesOnly }) => schemaOf(definition, [], canonicalValuesOnly));
  return {
    user: { ...userSchema, extensions: [...userSchema.extensions, ...extensionsOf("User")] },
    group: { ...groupSchema, extensions: [...groupSchema.extensions, ...extensionsOf("Group")] },
    version,
    extensions: registered.map(({ definition, resourceType }) => ({ ...definition, resourceType })),
  };
}
