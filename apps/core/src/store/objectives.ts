import { type LagStage, lagStages, type Objective, objectiveDefaults } from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import type { Database } from "./database.ts";
import type { Expectation } from "./expectation.ts";
import { type Sql, sql } from "./sql.ts";

/** An objective as it holds for a tenant. */
export type StageObjective = Objective & {
  readonly stage: LagStage;
  /** Nobody has said anything else. */
  readonly isDefault: boolean;
};

type ObjectiveRow = { stage: LagStage; p99Ms: number; share: number };

/** What holds for each stage, in the order in which they are passed. */
export async function readObjectives(database: Database, tenantId: string): Promise<readonly StageObjective[]> {
  return toObjectives(await database.once<ObjectiveRow>(tenantId, selection(tenantId)));
}

/**
 * Sets what is to hold of a stage from now on, and answers what holds for all. They are one another's to whoever
 * changes one: what is expected is asked of all of them.
 */
export async function setObjective(
  database: Database,
  tenantId: string,
  { stage, p99Ms, share }: Objective & { readonly stage: LagStage },
  actor: string,
  expected?: Expectation<readonly StageObjective[]>,
): Promise<readonly StageObjective[]> {
  return database.inTenant(tenantId, async (transaction) => {
    // A stage of which nobody has said anything has no row that could be locked.
    await transaction.query(sql`SELECT pg_advisory_xact_lock(7305613, hashtext(${tenantId}))`);
    const present = toObjectives(await transaction.query<ObjectiveRow>(selection(tenantId)));
    expected?.(present);
    await transaction.query(sql`
      INSERT INTO objective (tenant_id, stage, p99_ms, share) VALUES (${tenantId}, ${stage}, ${p99Ms}, ${share})
      ON CONFLICT (tenant_id, stage) DO UPDATE SET p99_ms = excluded.p99_ms, share = excluded.share, updated_at = now()`);
    const was = present.find((one) => one.stage === stage) ?? objectiveDefaults[stage];
    await recordAudit(transaction, tenantId, {
      actor,
      action: "objective.set",
      target: stage,
      detail: { before: { p99Ms: was.p99Ms, share: was.share }, after: { p99Ms, share } },
    });
    return present.map((one) => (one.stage === stage ? { ...one, p99Ms, share, isDefault: false } : one));
  });
}

function selection(tenantId: string): Sql {
  return sql`SELECT stage, p99_ms AS "p99Ms", share FROM objective WHERE tenant_id = ${tenantId}`;
}

function toObjectives(rows: readonly ObjectiveRow[]): readonly StageObjective[] {
  const said = new Map(rows.map((row) => [row.stage, row]));
  return lagStages.map((stage) => ({
    stage,
    ...objectiveDefaults[stage],
    ...said.get(stage),
    isDefault: !said.has(stage),
  }));
}
