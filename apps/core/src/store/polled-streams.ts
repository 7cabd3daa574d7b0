import type { Connection, JsonObject } from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database } from "./database.ts";
import { openSecret } from "./sealed-secret.ts";
import { sql } from "./sql.ts";

/** A transmitter's stream that is in hand to be polled. */
export type PolledStream = {
  readonly id: string;
  readonly connection: Connection;
  readonly settings: JsonObject;
  readonly secret: string;
  /** How many polls have failed in a row. */
  readonly failures: number;
};

/** Every stream that is to be polled, now or later. */
export async function streamsToPoll(
  database: Database,
): Promise<readonly { readonly tenantId: string; readonly id: string }[]> {
  return database.house(
    sql`SELECT tenant_id AS "tenantId", id FROM event_source WHERE kind = 'ssf_poll' AND status = 'enabled' ORDER BY id`,
  );
}

type StreamRow = ConnectionRow & {
  source_id: string;
  settings: JsonObject;
  secret: Buffer | null;
  failures: number | null;
};

/**
 * Takes a stream in hand for so long, where it is due: whoever comes meanwhile, in whatever process, finds
 * nothing to do. Whoever dies with it in hand is followed by another after that.
 */
export async function takeStream(
  database: Database,
  key: Buffer,
  tenantId: string,
  id: string,
  heldMs: number,
): Promise<PolledStream | undefined> {
  const [row] = await database.once<StreamRow>(
    tenantId,
    sql`WITH taken AS (
        UPDATE event_source SET state = state || jsonb_build_object('pollAt', clock_timestamp() + ${heldMs} * interval '1 millisecond')
        WHERE id = ${id} AND kind = 'ssf_poll' AND status = 'enabled' AND coalesce((state ->> 'pollAt')::timestamptz <= clock_timestamp(), true)
        RETURNING id, connection_id, settings, secret, (state ->> 'failures')::int AS failures
      )
      SELECT taken.id AS source_id, taken.settings, taken.secret, taken.failures, ${connectionColumns}
      FROM taken JOIN connection ON connection.id = taken.connection_id`,
  );
  if (row === undefined) return undefined;
  return {
    id: row.source_id,
    connection: toConnection(row),
    settings: row.settings,
    secret: row.secret === null ? "" : openSecret(key, row.source_id, row.secret),
    failures: row.failures ?? 0,
  };
}

/** Gives a stream back: it is due again after so long. */
export async function releaseStream(
  database: Database,
  tenantId: string,
  id: string,
  { nextMs, failures }: { readonly nextMs: number; readonly failures: number },
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE event_source SET state = state || jsonb_build_object('pollAt', clock_timestamp() + ${nextMs} * interval '1 millisecond', 'failures', ${failures}::int)
      WHERE id = ${id}`,
  );
}
