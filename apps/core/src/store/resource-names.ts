import { isId } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/**
 * What each resource of a connection is or was unique by, by its id: its canonical name and its
 * externalId. Tombstones have theirs too, since whoever is created under them gets the old id.
 */
export async function readResourceNames(
  database: Database,
  tenantId: string,
  connectionId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const known = [...new Set(ids.filter(isId))];
  if (known.length === 0) return new Map();
  const rows = await database.once<{ id: string; name: string; external_id: string | null }>(
    tenantId,
    sql`SELECT id, user_name_key AS name, external_id FROM directory_user WHERE connection_id = ${connectionId} AND id = ANY(${known}::uuid[])
      UNION ALL SELECT id, display_name_key, external_id FROM directory_group WHERE connection_id = ${connectionId} AND id = ANY(${known}::uuid[])`,
  );
  return new Map(rows.map((row) => [row.id, row.external_id === null ? [row.name] : [row.name, row.external_id]]));
}
