import { foldCase } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import { readCandidates } from "./explain-candidates.ts";
import { sql } from "./sql.ts";

/** Whom an e-mail address may mean: what their tokens call them, by the connection that brought them. */
export type EmailHolder = {
  readonly directoryUserId: string;
  readonly iss: string | undefined;
  readonly sub: string | undefined;
};

const holdersMax = 20;

/** The users of a tenant who have an address, or are named by it; the living first. */
export async function findEmailHolders(
  database: Database,
  tenantId: string,
  email: string,
): Promise<readonly EmailHolder[]> {
  const key = foldCase(email.trim());
  return database.inTenant(tenantId, async (transaction) => {
    const connections = await transaction.query<ConnectionRow>(
      sql`SELECT ${connectionColumns} FROM connection ORDER BY id`,
    );
    const rows = await transaction.query<{ id: string }>(sql`
      SELECT id FROM (
        SELECT user_id AS id FROM connection JOIN directory_email AS mail ON mail.connection_id = connection.id AND mail.email_key = (SELECT rollcall_key(${key}))
        UNION SELECT usr.id FROM connection JOIN directory_user AS usr ON usr.connection_id = connection.id AND usr.user_name_key = ${key}
      ) AS named LIMIT ${holdersMax}`);
    const byId = new Map(connections.map(toConnection).map((connection) => [connection.id, connection]));
    const candidates = await readCandidates(
      transaction,
      byId,
      rows.map(({ id }) => id),
    );
    return candidates
      .toSorted((a, b) => Number(a.deletedAt !== undefined) - Number(b.deletedAt !== undefined))
      .map(({ directoryUserId, connection, subject }) => ({
        directoryUserId,
        iss: connection.issuers[0],
        sub: subject,
      }));
  });
}
