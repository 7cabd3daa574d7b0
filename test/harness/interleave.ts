import { converge, markApplied, takeEvents } from "@rollcall/core/store";
import type { House } from "./house.ts";
import { lockWaiters, pauseBefore } from "./pause.ts";
import { until } from "./until.ts";

/**
 * One worker takes events and stops before its statement `at`. The directory changes meanwhile, and a
 * second one, a worker or an admin, acts on what came of it, or waits behind the first; then the first
 * goes on. Answers how many statements the first one had.
 */
export async function interleave(
  { database, databaseUrl }: Pick<House, "database" | "databaseUrl">,
  tenantId: string,
  ids: readonly number[],
  at: number | undefined,
  meanwhile: () => Promise<() => Promise<unknown>>,
): Promise<number> {
  const stopped = Promise.withResolvers<void>();
  let resume = (): void => undefined;
  let statements = 0;
  const first = database.inTenant(tenantId, async (transaction) => {
    const paused = pauseBefore(transaction, at ?? Number.NaN);
    resume = paused.letGo;
    paused.reached.then(stopped.resolve, stopped.reject);
    const taken = await takeEvents(paused.transaction, ids);
    await converge(paused.transaction, tenantId, taken);
    await markApplied(paused.transaction, ids);
    statements = paused.count();
  });
  await Promise.race([stopped.promise, first]);
  const act = await meanwhile();
  const second = act();
  const blocked = new AbortController();
  await Promise.race([
    second,
    first,
    until("the second one waits", async () => blocked.signal.aborted || (await lockWaiters(databaseUrl)) > 0),
  ]);
  blocked.abort();
  resume();
  await Promise.all([first, second]);
  return statements;
}
