import type { Database } from "./database.ts";
import { insertRun, totalOf } from "./resync-runs.ts";
import { sql } from "./sql.ts";

export type DriftSchedule = {
  readonly everySec: number;
  /** Whether what differs is healed, or only reported. */
  readonly heals: boolean;
  readonly newId: () => string;
};

/** So long runs and what they found can be read. */
const keptDays = 30;
const piecesMax = 100;

/** Asks for a comparison of every tenant whose last one is so long ago, and that has none open. Answers how many. */
export async function scheduleCompares(database: Database, { everySec, heals, newId }: DriftSchedule): Promise<number> {
  const due = await database.house<{ id: string }>(sql`
    SELECT tenant.id FROM tenant
    WHERE NOT EXISTS (
      SELECT FROM reconcile_run AS run WHERE run.tenant_id = tenant.id AND run.cause = 'schedule'
        AND (run.state IN ('queued', 'running') OR run.started_at > now() - ${everySec} * interval '1 second'))
    ORDER BY tenant.id LIMIT ${piecesMax}`);
  for (const { id: tenantId } of due)
    await database.inTenant(tenantId, async (transaction) => {
      const total = await totalOf(transaction, { scope: "tenant" });
      await insertRun(transaction, tenantId, {
        id: newId(),
        scope: "tenant",
        connectionId: undefined,
        subjectId: undefined,
        cause: "schedule",
        heals: heals ? "differing" : "none",
        total,
      });
    });
  return due.length;
}

/** Forgets runs that ended long ago, with what they found, but for what still stands. */
export async function trimResyncs(database: Database): Promise<void> {
  const tenants = await database.house<{ tenant_id: string }>(sql`
    SELECT DISTINCT tenant_id FROM reconcile_run WHERE finished_at < now() - ${keptDays} * interval '1 day'`);
  for (const { tenant_id: tenantId } of tenants)
    await database.once(
      tenantId,
      sql`DELETE FROM reconcile_run WHERE id IN (
          SELECT id FROM reconcile_run AS run
          WHERE run.tenant_id = ${tenantId} AND run.finished_at < now() - ${keptDays} * interval '1 day'
            AND NOT EXISTS (SELECT FROM drift WHERE drift.run_id = run.id AND drift.standing)
          ORDER BY id LIMIT 200)`,
    );
}
