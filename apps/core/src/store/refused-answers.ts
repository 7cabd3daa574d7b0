import { openAlert } from "./alerts.ts";
import type { Database, Transaction } from "./database.ts";
import type { ReadBack } from "./read-backs.ts";
import { sql } from "./sql.ts";

/** What the error of a question begins with whose answer the directory refuses. */
const refusedAs = "refused: ";

/** A refusal of what a provider says of one user, by its code alone: it names the fault, never the data. */
export type RefusedAnswer = {
  readonly code: string;
  readonly delayMs: number;
  /** With which somebody is told; undefined where it may still pass by itself. */
  readonly alertId: string | undefined;
};

/** Puts back a question whose answer cannot be taken over: it is asked again for as long as that is so. */
export async function noteRefusedAnswer(
  database: Database,
  tenantId: string,
  { connectionId, subjectKey }: ReadBack,
  { code, delayMs, alertId }: RefusedAnswer,
): Promise<void> {
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      UPDATE read_back SET due_at = now() + ${delayMs} * interval '1 millisecond', taken_until = NULL, last_error = ${refusedAs}::text || ${code}
      WHERE connection_id = ${connectionId} AND subject_key = ${subjectKey}`);
    if (alertId === undefined) return;
    const detail = { connection: connectionId, code };
    await openAlert(transaction, tenantId, { id: alertId, kind: "answer_refused", key: connectionId, detail });
  });
}

/** Closes the alert of a connection of whose questions none is refused any more. */
export async function resolveRefused(transaction: Transaction, connectionId: string): Promise<void> {
  const open = sql`kind = 'answer_refused' AND key = ${connectionId} AND resolved_at IS NULL`;
  // Of two who settle the last ones at once, whoever comes second sees that nothing is left.
  const alerts = await transaction.query(sql`SELECT id FROM alert WHERE ${open} FOR UPDATE`);
  if (alerts.length === 0) return;
  await transaction.query(sql`
    UPDATE alert SET resolved_at = now() WHERE ${open} AND NOT EXISTS (
      SELECT FROM read_back WHERE connection_id = ${connectionId} AND starts_with(last_error, ${refusedAs}))`);
}
