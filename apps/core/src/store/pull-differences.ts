import type { JsonObject, PullDifferenceKind, UserAttributes } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type HeldPull, setHeld, waitingFor } from "./pull-lease.ts";
import { sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";
import { placesAfter } from "./keyset-place.ts";

/** A difference as an admin sees it. */
export type PullDifference = {
  readonly id: string;
  readonly kind: PullDifferenceKind;
  readonly subjectKind: "user" | "group";
  /** The directory's id; null for who is new. */
  readonly subjectId: string | null;
  readonly name: string;
  /** Counts and names of attributes, never their values. */
  readonly detail: JsonObject;
  /** What came of it; null until something did. */
  readonly outcome: string | null;
  readonly healedAt: Date | null;
};

/** In the order in which they were found. Undefined where there is no such listing. */
export async function listPullDifferences(
  database: Database,
  tenantId: string,
  runId: string,
  kind: PullDifferenceKind | undefined,
  page: KeysetRequest,
): Promise<Keyset<PullDifference>> {
  const rows = await database.once<PullDifference>(
    tenantId,
    sql`SELECT id::text, kind, subject_kind AS "subjectKind", subject_id AS "subjectId", name, detail, outcome, healed_at AS "healedAt" FROM pull_difference
      WHERE run_id = ${runId} AND (${kind ?? null}::text IS NULL OR kind = ${kind ?? null}::text) AND ${placesAfter(sql`id`, page.after)}
      ORDER BY pull_difference.id LIMIT ${page.limit + 1}`,
  );
  return keyset(rows, page.limit, ({ id }) => id);
}

/** A difference that is to be settled, with what the listing says of the user. */
export type WaitingDifference = Pick<PullDifference, "kind" | "subjectId" | "name"> & {
  readonly id: number;
  readonly providerId: string | null;
  readonly said: UserAttributes | null;
  /** When the first of the listings began that have left them out. */
  readonly absentSince: Date | null;
};

/** The next ones, of one rank: whoever loses access comes before everybody else. */
export async function waitingDifferences(
  database: Database,
  { id, tenantId, connectionId }: HeldPull,
  limit: number,
): Promise<readonly WaitingDifference[]> {
  return database.once<WaitingDifference>(
    tenantId,
    sql`SELECT difference.id, difference.kind, difference.subject_id AS "subjectId", difference.name, difference.provider_id AS "providerId", listed.attributes AS said, absence.since AS "absentSince"
      FROM (
        SELECT * FROM pull_difference WHERE run_id = ${id} AND outcome IS NULL AND kind NOT IN ('missing', 'group_missing')
          AND rank = (SELECT min(rank) FROM pull_difference WHERE run_id = ${id} AND outcome IS NULL AND kind NOT IN ('missing', 'group_missing'))
        ORDER BY rank, id LIMIT ${limit}
      ) AS difference
      LEFT JOIN pull_user AS listed ON listed.run_id = ${id} AND listed.provider_id = difference.provider_id
      LEFT JOIN pull_absence AS absence ON absence.connection_id = ${connectionId} AND absence.subject_id = difference.subject_id
      ORDER BY difference.id`,
  );
}

/** Notes what came of a difference; what was refused or overtaken is not healed. Nothing where another has the listing in hand by now: it settles that itself. */
export async function settleDifference(
  database: Database,
  { tenantId, id: runId, by }: HeldPull,
  id: number,
  outcome: string,
  isHealed: boolean,
): Promise<void> {
  await database.once(
    tenantId,
    sql`UPDATE pull_difference SET outcome = ${outcome}, healed_at = CASE WHEN ${isHealed} THEN now() END
      WHERE id = ${id} AND run_id = ${runId} AND EXISTS (SELECT FROM pull_run WHERE pull_run.id = ${runId} AND taken_by = ${by})`,
  );
}

/** Ends a listing whose differences are all settled. Throws `PullLost`. */
export async function finishPull(database: Database, held: HeldPull): Promise<void> {
  await database.inTenant(held.tenantId, async (transaction) => {
    await setHeld(
      transaction,
      held,
      sql`state = 'finished', finished_at = now(), reason = CASE WHEN NOT starts_with(reason, ${waitingFor}) THEN reason END`,
    );
    // Who is gone is waited for no longer; whoever was only left out once is.
    await transaction.query(sql`
      DELETE FROM pull_absence WHERE connection_id = ${held.connectionId} AND subject_id IN (
        SELECT subject_id FROM pull_difference WHERE run_id = ${held.id} AND kind IN ('gone', 'group_gone') AND healed_at IS NOT NULL)`);
  });
}
