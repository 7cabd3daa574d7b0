import type { ResourceKind } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** How many changes gather before it is worth folding them: a reader adds up a few faster than they are folded. */
const changesMin = 64;
/** How many changes one statement folds: whoever waits for a lock of it waits no longer than that. */
const foldedMax = 50_000;

/** How many of a kind are alive in a connection, exactly: the kept number and what changed since, in one snapshot. */
export function livingCount(connectionId: string, kind: ResourceKind): Sql {
  const which = sql`connection_id = ${connectionId} AND kind = ${kind}`;
  return sql`(SELECT coalesce(sum(number), 0)::bigint FROM (
      SELECT living AS number FROM directory_count WHERE ${which} UNION ALL SELECT change FROM directory_count_change WHERE ${which}
    ) AS counted)`;
}

/**
 * Folds gathered changes into the kept numbers, and answers how many there were. One statement moves
 * them, so that a reader sees each exactly once; two folders at once take different ones.
 */
export async function foldCounts(database: Database, gatheredMin = changesMin): Promise<number> {
  const tenants = await database.house<{ tenant_id: string }>(
    sql`SELECT DISTINCT tenant_id FROM (
      SELECT tenant_id FROM directory_count_change GROUP BY tenant_id, connection_id, kind HAVING count(*) >= ${gatheredMin}
    ) AS gathered`,
  );
  let folded = 0;
  for (const { tenant_id: tenantId } of tenants) folded += await foldTenant(database, tenantId);
  return folded;
}

async function foldTenant(database: Database, tenantId: string): Promise<number> {
  let folded = 0;
  for (;;) {
    const [row] = await database.once<{ folded: number }>(tenantId, foldStatement());
    const size = row?.folded ?? 0;
    folded += size;
    if (size < foldedMax) return folded;
  }
}

function foldStatement(): Sql {
  return sql`
    WITH taken AS (
      -- By where they lie: a join by id the planner may make by looking at all of them for each.
      DELETE FROM directory_count_change WHERE ctid = ANY(ARRAY(SELECT ctid FROM directory_count_change LIMIT ${foldedMax} FOR UPDATE SKIP LOCKED))
      RETURNING tenant_id, connection_id, kind, change
    ), summed AS (
      SELECT tenant_id, connection_id, kind, sum(change) AS change, count(*) AS number FROM taken GROUP BY tenant_id, connection_id, kind
    ), folded AS (
      -- In one order, so that two folders never wait for each other.
      INSERT INTO directory_count AS count (tenant_id, connection_id, kind, living)
      SELECT tenant_id, connection_id, kind, change FROM summed ORDER BY connection_id, kind
      ON CONFLICT (connection_id, kind) DO UPDATE SET living = count.living + excluded.living
    )
    SELECT coalesce(sum(number), 0)::bigint AS folded FROM summed`;
}
