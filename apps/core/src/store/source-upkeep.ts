import { type Connection, type Json, type JsonObject, sourceKinds, type SourceKind } from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database } from "./database.ts";
import { openSecret } from "./sealed-secret.ts";
import { type Sql, sql } from "./sql.ts";

/** A source whose subscription at the sender is to be looked after, with what was remembered of it. */
export type KeptSource = {
  readonly id: string;
  readonly kind: SourceKind;
  readonly connection: Connection;
  readonly settings: JsonObject;
  readonly state: JsonObject;
  readonly secret: string;
  readonly status: "enabled" | "paused";
};

/** When a source of this kind is looked after first: at once, or never where its sender keeps itself. */
export function firstUpkeep(kind: SourceKind): Sql {
  return sourceKinds[kind].renewed === true ? sql`now()` : sql`NULL`;
}

/** Has a source looked after now. */
export async function hurryUpkeep(database: Database, tenantId: string, id: string): Promise<void> {
  await database.once(
    tenantId,
    sql`WITH hurried AS (
        UPDATE event_source SET upkeep_at = now() WHERE id = ${id} AND upkeep_at > now()
      ) SELECT pg_notify('rollcall_read_back', ${tenantId})`,
  );
}

export async function sourcesToKeep(
  database: Database,
): Promise<readonly { readonly tenantId: string; readonly id: string }[]> {
  return database.house(sql`SELECT tenant_id AS "tenantId", id FROM event_source WHERE upkeep_at <= now()`);
}

type KeptRow = ConnectionRow & {
  source_id: string;
  source_kind: SourceKind;
  settings: JsonObject;
  state: JsonObject;
  secret: Buffer | null;
  status: "enabled" | "paused";
};

/** Takes a source in hand for so long; whoever comes meanwhile finds nothing to do, and whoever comes after goes on. */
export async function takeUpkeep(
  database: Database,
  key: Buffer,
  tenantId: string,
  id: string,
  heldMs: number,
): Promise<KeptSource | undefined> {
  const [row] = await database.once<KeptRow>(
    tenantId,
    sql`WITH taken AS (
        UPDATE event_source SET upkeep_at = now() + ${heldMs} * interval '1 millisecond' WHERE id = ${id} AND upkeep_at <= now()
        RETURNING id, kind, connection_id, settings, state, secret, status
      )
      SELECT taken.id AS source_id, taken.kind AS source_kind, taken.settings, taken.state, taken.secret, taken.status, ${connectionColumns}
      FROM taken JOIN connection ON connection.id = taken.connection_id`,
  );
  if (row === undefined) return undefined;
  return {
    id: row.source_id,
    kind: row.source_kind,
    connection: toConnection(row),
    settings: row.settings,
    state: row.state,
    secret: row.secret === null ? "" : openSecret(key, row.source_id, row.secret),
    status: row.status,
  };
}

/** Remembers what was made of the subscription so far, while it is still held. */
export async function keepSourceState(
  database: Database,
  tenantId: string,
  id: string,
  state: JsonObject,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE event_source SET state = ${JSON.stringify(state satisfies Json)}::jsonb WHERE id = ${id}`,
  );
}

/** Ends an upkeep, and says when the next one is due. */
export async function endUpkeep(database: Database, tenantId: string, id: string, nextMs: number): Promise<void> {
  await database.once(
    tenantId,
    // Somebody may have been in a hurry meanwhile.
    sql`UPDATE event_source SET upkeep_at = CASE WHEN upkeep_at <= now() THEN upkeep_at ELSE now() + ${nextMs} * interval '1 millisecond' END
      WHERE id = ${id}`,
  );
}
