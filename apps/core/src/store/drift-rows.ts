import type { Difference, DriftCounts, DriftKind, Json, SubjectKind } from "../domain/index.ts";
import { driftCounts } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { type Keyset, keyset, type KeysetRequest } from "./tenants.ts";

/** A difference as it is kept. */
export type KeptDifference = {
  readonly id: number;
  readonly runId: string;
  readonly kind: DriftKind;
  readonly subjectKind: SubjectKind;
  readonly subjectId: string;
  readonly name: string | undefined;
  /** The connection's slug; undefined for what no connection knows. */
  readonly connection: string | undefined;
  readonly directory: Json;
  readonly userStore: Json;
  readonly foundAt: Date;
  readonly healedAt: Date | undefined;
};

export type Drift = {
  /** When the last comparison of the whole tenant ended; undefined before the first. */
  readonly comparedAt: Date | undefined;
  readonly open: DriftCounts;
};

/** A subject that was found to differ. */
export type DriftSubject = { readonly id: number; readonly subjectKind: SubjectKind; readonly subjectId: string };

/** Keeps what a run has found. Of each difference of a subject the newest word stands. */
export async function keepDifferences(
  transaction: Transaction,
  tenantId: string,
  runId: string,
  differences: readonly Difference[],
): Promise<void> {
  if (differences.length === 0) return;
  const kinds = sql`${differences.map(({ kind }) => kind)}::text[]`;
  const ids = sql`${differences.map(({ subjectId }) => subjectId)}::uuid[]`;
  await transaction.query(sql`
    UPDATE drift SET standing = false FROM unnest(${kinds}, ${ids}) AS found(kind, subject_id)
    WHERE drift.subject_id = found.subject_id AND drift.kind = found.kind AND drift.healed_at IS NULL AND drift.standing`);
  await transaction.query(sql`
    INSERT INTO drift (tenant_id, run_id, kind, subject_kind, subject_id, connection_id, name, detail)
    SELECT ${tenantId}, ${runId}, kind, subject_kind, subject_id, connection_id, name, detail::jsonb
    FROM unnest(${kinds}, ${differences.map(({ subjectKind }) => subjectKind)}::text[], ${ids}, ${differences.map(({ connectionId }) => connectionId ?? null)}::uuid[],
      ${differences.map(({ name }) => name ?? null)}::text[], ${differences.map(detailOf)}::text[]) AS found(kind, subject_kind, subject_id, connection_id, name, detail)`);
}

function detailOf({ directory, userStore, isGivenUp }: Difference): string {
  return JSON.stringify({ directory, userStore, ...(isGivenUp ? { givenUp: true } : {}) });
}

/** Notes of subjects that were looked at that what they are not found to differ in any more is healed. Answers how many of the run's own differences that were. */
export async function noteHealed(
  transaction: Transaction,
  runId: string,
  subjectIds: readonly string[],
  differences: readonly Difference[],
): Promise<number> {
  if (subjectIds.length === 0) return 0;
  const [row] = await transaction.query<{ healed: number }>(sql`
    WITH healed AS (
      UPDATE drift SET healed_at = now(), standing = false
      WHERE subject_id = ANY(${subjectIds}::uuid[]) AND healed_at IS NULL
        AND (subject_id, kind) NOT IN (SELECT * FROM unnest(${differences.map(({ subjectId }) => subjectId)}::uuid[], ${differences.map(({ kind }) => kind)}::text[]))
      RETURNING run_id
    )
    SELECT count(*) AS healed FROM healed WHERE run_id = ${runId}`);
  return row?.healed ?? 0;
}

/** Which differences to look at again: those of a run that are not healed, or what others have found in a connection or the whole tenant and that still stands. */
export type DriftChoice =
  | { readonly of: string }
  | { readonly butOf: string; readonly connectionId: string | undefined };

/** A piece of the subjects of some differences, in the order in which these were found. */
export async function readDriftSubjects(
  transaction: Transaction,
  tenantId: string,
  choice: DriftChoice,
  after: number,
  size: number,
): Promise<readonly DriftSubject[]> {
  return transaction.query<DriftSubject>(sql`
    SELECT id, subject_kind AS "subjectKind", subject_id AS "subjectId" FROM drift
    WHERE tenant_id = ${tenantId} AND id > ${after} AND ${chosen(choice)} ORDER BY id LIMIT ${size}`);
}

function chosen(choice: DriftChoice): Sql {
  if ("of" in choice) return sql`run_id = ${choice.of} AND healed_at IS NULL`;
  const where = choice.connectionId === undefined ? sql`true` : sql`connection_id = ${choice.connectionId}`;
  return sql`standing AND run_id <> ${choice.butOf} AND ${where}`;
}

export type DifferenceQuery = KeysetRequest & { readonly kind: DriftKind | undefined };

/** What a run has found, in the order in which it was. */
export function listDifferences(
  database: Database,
  tenantId: string,
  runId: string,
  query: DifferenceQuery,
): Promise<Keyset<KeptDifference>> {
  return list(database, tenantId, sql`drift.run_id = ${runId}`, query);
}

/** What differs now, as far as the last look at each subject knows. */
export function listDrift(
  database: Database,
  tenantId: string,
  query: DifferenceQuery,
): Promise<Keyset<KeptDifference>> {
  return list(database, tenantId, sql`drift.standing`, query);
}

async function list(
  database: Database,
  tenantId: string,
  which: Sql,
  { after, limit, kind }: DifferenceQuery,
): Promise<Keyset<KeptDifference>> {
  const rows = await database.once<DifferenceRow>(
    tenantId,
    sql`SELECT drift.id, drift.run_id, drift.kind, drift.subject_kind, drift.subject_id, drift.name, connection.slug, drift.detail, drift.found_at, drift.healed_at
      FROM drift LEFT JOIN connection ON connection.id = drift.connection_id
      WHERE drift.tenant_id = ${tenantId} AND ${which} AND drift.id > ${after === undefined ? 0 : Number(after)}
        AND (${kind ?? null}::text IS NULL OR drift.kind = ${kind ?? null}::text)
      ORDER BY drift.id LIMIT ${limit + 1}`,
  );
  return keyset(rows.map(toKept), limit, ({ id }) => String(id));
}

/** How many subjects differ in each way, and when everybody was compared last. */
export async function readDrift(database: Database, tenantId: string): Promise<Drift> {
  const [row] = await database.once<{ compared_at: Date | null; open: Partial<DriftCounts> }>(
    tenantId,
    sql`SELECT (
        SELECT max(finished_at) FROM reconcile_run WHERE tenant_id = ${tenantId} AND scope = 'tenant' AND state = 'finished' AND applies_id IS NULL
      ) AS compared_at, (
        SELECT coalesce(jsonb_object_agg(kind, size), '{}') FROM (SELECT kind, count(*) AS size FROM drift WHERE tenant_id = ${tenantId} AND standing GROUP BY kind) AS each
      ) AS open`,
  );
  return { comparedAt: row?.compared_at ?? undefined, open: driftCounts(row?.open) };
}

type DifferenceRow = {
  id: number;
  run_id: string;
  kind: DriftKind;
  subject_kind: SubjectKind;
  subject_id: string;
  name: string | null;
  slug: string | null;
  detail: { readonly directory?: Json; readonly userStore?: Json };
  found_at: Date;
  healed_at: Date | null;
};

function toKept(row: DifferenceRow): KeptDifference {
  return {
    id: row.id,
    runId: row.run_id,
    kind: row.kind,
    subjectKind: row.subject_kind,
    subjectId: row.subject_id,
    name: row.name ?? undefined,
    connection: row.slug ?? undefined,
    directory: row.detail.directory ?? null,
    userStore: row.detail.userStore ?? null,
    foundAt: row.found_at,
    healedAt: row.healed_at ?? undefined,
  };
}
