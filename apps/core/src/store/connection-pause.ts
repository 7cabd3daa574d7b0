import { type Connection, DirectoryError } from "../domain/index.ts";
import type { Act } from "./admin-denials.ts";
import { recordAudit } from "./audit.ts";
import { connectionColumns, connectionNamed, type ConnectionRow, toConnection } from "./connections.ts";
import type { Database } from "./database.ts";
import type { Expectation } from "./expectation.ts";
import { sql } from "./sql.ts";

/** Has a connection take denials and nothing else, until `resumeConnection`. Doing it twice changes nothing. Throws `not_found`. */
export async function pauseConnection(
  database: Database,
  tenantId: string,
  slugOrId: string,
  act: Act,
  expected?: Expectation<Connection>,
): Promise<Connection> {
  return setPaused(database, tenantId, slugOrId, act.at, "connection.pause", act, expected);
}

/** Has it take everything again. Throws `not_found`. */
export async function resumeConnection(
  database: Database,
  tenantId: string,
  slugOrId: string,
  act: Act,
  expected?: Expectation<Connection>,
): Promise<Connection> {
  return setPaused(database, tenantId, slugOrId, undefined, "connection.resume", act, expected);
}

async function setPaused(
  database: Database,
  tenantId: string,
  slugOrId: string,
  pausedAt: Date | undefined,
  action: string,
  act: Act,
  expected: Expectation<Connection> | undefined,
): Promise<Connection> {
  return database.inTenant(tenantId, async (transaction) => {
    const [row] = await transaction.query<ConnectionRow>(
      sql`SELECT ${connectionColumns} FROM connection WHERE ${connectionNamed(slugOrId)} FOR UPDATE`,
    );
    if (row === undefined) throw new DirectoryError("not_found", "no such connection");
    const before = toConnection(row);
    expected?.(before);
    if ((before.pausedAt === undefined) === (pausedAt === undefined)) return before;
    await transaction.query(sql`UPDATE connection SET paused_at = ${pausedAt ?? null} WHERE id = ${before.id}`);
    await recordAudit(transaction, tenantId, {
      actor: act.actor,
      action,
      target: before.id,
      before: { paused: before.pausedAt !== undefined },
      after: { paused: pausedAt !== undefined },
      ...(act.note === undefined ? {} : { detail: { note: act.note } }),
    });
    return { ...before, pausedAt };
  });
}
