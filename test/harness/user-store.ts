import { laneCount, sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import { until } from "./until.ts";

export type StoredUser = {
  readonly id: string;
  readonly userName: string;
  /** Reasons, sorted. */
  readonly denials: readonly string[];
  /** `sub`, or `(sub)` where it is an alias; sorted. */
  readonly identities: readonly string[];
  /** Names of groups, sorted. */
  readonly groups: readonly string[];
};

/** The application's users of one tenant, by id. */
export async function readUserStore(
  { database }: Pick<House, "database">,
  tenantId: string,
): Promise<ReadonlyMap<string, StoredUser>> {
  const rows = await database.once<{
    id: string;
    user_name: string;
    denials: string[];
    identities: string[];
    groups: string[];
  }>(
    tenantId,
    sql`SELECT id, user_name,
        ARRAY(SELECT reason FROM denial WHERE denial.user_id = app_user.id ORDER BY reason) AS denials,
        ARRAY(SELECT CASE WHEN alias THEN '(' || sub || ')' ELSE sub END FROM identity WHERE identity.user_id = app_user.id ORDER BY 1) AS identities,
        ARRAY(SELECT display_name FROM app_group_member AS member JOIN app_group ON app_group.id = member.group_id WHERE member.user_id = app_user.id ORDER BY 1) AS groups
      FROM app_user`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { id: row.id, userName: row.user_name, denials: row.denials, identities: row.identities, groups: row.groups },
    ]),
  );
}

/** Waits until every accepted event of a tenant is applied and its feed says so. */
export async function untilQuiet(house: Pick<House, "database">, tenantId: string): Promise<void> {
  await until("everything accepted is applied and published", async () => {
    const [row] = await house.database.once<{ waiting: number }>(
      tenantId,
      sql`SELECT (SELECT count(*) FROM lifecycle_event WHERE applied_at IS NULL AND dead_at IS NULL) + (SELECT count(*) FROM feed_pending) + (SELECT count(*) FROM subject_pending) AS waiting`,
    );
    return row?.waiting === 0;
  });
}

/** Applies all that waits, now and in this process, for stories that say when. */
export async function applyAll(drain: (lane: number) => Promise<number>): Promise<void> {
  for (let lane = 0; lane < laneCount; lane += 1) await drain(lane);
}
