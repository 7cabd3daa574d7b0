import { foldLag, readLag, recordReceipts, sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";

type Counted = Readonly<Record<string, number>>;

/** How many are counted in each stage, by the minutes; what is unknown counts too. */
export async function countedStages({ database }: Pick<House, "database">, tenantId: string): Promise<Counted> {
  const rows = await database.once<{ stage: string; number: number }>(
    tenantId,
    sql`SELECT stage, sum(count)::bigint AS number FROM lag_histogram WHERE step_sec = 60 GROUP BY stage`,
  );
  return Object.fromEntries(rows.map(({ stage, number }) => [stage, number]));
}

/** Folds what there is, and reads the last hour. */
export async function foldedLag({ database }: Pick<House, "database">, tenantId: string) {
  await foldLag(database);
  return readLag(database, tenantId, 3_600);
}

/** A gateway's word: it has everything up to a sequence. */
export async function gatewaySays(
  { database }: Pick<House, "database">,
  tenant: Pick<TestTenant, "id">,
  seq: number,
  gateway = "edge",
): Promise<void> {
  const word = { gateway, epoch: 1, seq, asOf: new Date(), entries: 1, digest: Buffer.alloc(32) };
  await recordReceipts(database, tenant.id, [word], 30);
}
