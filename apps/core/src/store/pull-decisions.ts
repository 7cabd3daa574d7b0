import {
  type Brake,
  type BrakeLimits,
  decideBrake,
  type PullDifferenceKind,
  type ReadBackRules,
  waitingKinds,
} from "../domain/index.ts";
import { openAlert } from "./alerts.ts";
import type { Database, Transaction } from "./database.ts";
import { livingCount } from "./directory-counts.ts";
import { countChanged } from "./pull-groups.ts";
import { type HeldPull, setHeld } from "./pull-lease.ts";
import type { PullFindings } from "./pull-runs.ts";
import { sql } from "./sql.ts";

export type ComparedPull = { readonly state: "finished" | "braked" | "applying"; readonly brake: Brake | undefined };

const examplesMax = 5;

/**
 * Ends a comparison: counts what was found, notes who was left out, and decides whether it goes on. Who was left
 * out of this listing and is in the next was never gone; a dry run notes nothing. Throws `PullLost`.
 */
export async function endComparison(
  database: Database,
  held: HeldPull,
  rules: ReadBackRules,
  limits: BrakeLimits,
  alertId: string,
): Promise<ComparedPull> {
  return database.inTenant(held.tenantId, async (transaction) => {
    const found = await countFound(transaction, held);
    if (!held.dryRun) await noteAbsences(transaction, held);
    const brake = decideBrake(await massChange(transaction, held, rules), limits);
    const isEmpty = Object.keys(found).every((kind) => waitingKinds.includes(kind as PullDifferenceKind));
    const state = held.dryRun || isEmpty ? "finished" : brake === undefined ? "applying" : "braked";
    const reason = brake === undefined ? undefined : explained(brake, state === "braked");
    await setHeld(
      transaction,
      held,
      sql`state = ${state}, complete = true, found = ${JSON.stringify(found)}::jsonb, brake = ${brake === undefined ? null : JSON.stringify(brake)}::jsonb, reason = coalesce(${reason ?? null}, reason),
        mark = NULL, attempts = 0, finished_at = CASE WHEN ${state} = 'finished' THEN now() END, taken_by = CASE WHEN ${state} = 'applying' THEN taken_by END`,
    );
    if (state === "braked" && brake !== undefined)
      await openAlert(transaction, held.tenantId, {
        id: alertId,
        kind: "mass_change_braked",
        key: held.id,
        detail: {
          connection: held.connectionId,
          run: held.id,
          ...brake,
          found,
          examples: await examples(transaction, held),
        },
      });
    return { state, brake };
  });
}

async function countFound(transaction: Transaction, { id }: HeldPull): Promise<PullFindings> {
  const rows = await transaction.query<{ kind: PullDifferenceKind; count: number }>(
    sql`SELECT kind, count(*) AS count FROM pull_difference WHERE run_id = ${id} GROUP BY kind ORDER BY kind`,
  );
  return Object.fromEntries(rows.map(({ kind, count }) => [kind, count]));
}

async function noteAbsences(transaction: Transaction, held: HeldPull): Promise<void> {
  const absent = sql`SELECT subject_id FROM pull_difference WHERE run_id = ${held.id} AND kind IN ('missing', 'gone', 'group_missing', 'group_gone')`;
  await transaction.query(
    sql`DELETE FROM pull_absence WHERE connection_id = ${held.connectionId} AND subject_id NOT IN (${absent})`,
  );
  await transaction.query(sql`
    INSERT INTO pull_absence (connection_id, subject_id, tenant_id, since)
    SELECT ${held.connectionId}, subject_id, ${held.tenantId}, ${held.askedAt} FROM (${absent}) AS absent
    ON CONFLICT DO NOTHING`);
}

async function massChange(transaction: Transaction, held: HeldPull, rules: ReadBackRules) {
  const [row] = await transaction.query<{ living: number; mayEnter: number; shutOut: number }>(sql`
    SELECT ${livingCount(held.connectionId, "User")} AS living,
      (SELECT count(*) FROM directory_user WHERE connection_id = ${held.connectionId} AND deleted_at IS NULL AND active) AS "mayEnter",
      (SELECT count(*) FROM pull_difference WHERE run_id = ${held.id} AND counted) AS "shutOut"`);
  if (row === undefined) throw new Error("the users of a connection were not counted");
  return { ...row, changed: await countChanged(transaction, held, rules) };
}

/** By their ids here: an alert goes to places where names have no business. */
async function examples(
  transaction: Transaction,
  { id }: HeldPull,
): Promise<readonly { kind: string; subjectId: string }[]> {
  return transaction.query(sql`
    SELECT kind, subject_id AS "subjectId" FROM pull_difference WHERE run_id = ${id} AND subject_id IS NOT NULL AND rank <= 1 ORDER BY rank, id LIMIT ${examplesMax}`);
}

function explained({ cause, would, of, share, count }: Brake, isWaiting: boolean): string {
  const what = cause === "shut_out" ? "shut out" : "change";
  const limits = `more than ${count}, and more than ${Math.round(share * 1_000) / 10} % of them, wait for a person`;
  const fix = isWaiting ? "; look at the differences, then release or cancel it" : "";
  return `it would ${what} ${would} of ${of} users: ${limits}${fix}`;
}
