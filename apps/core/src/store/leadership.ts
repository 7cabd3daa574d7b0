import type { PoolClient } from "pg";
import type { Database } from "./database.ts";

export type Leadership = { isLost(): boolean; release(): Promise<void> };

// Any fixed number; it names the duty among the advisory locks of the database.
const publishLock = 7_305_601;

/**
 * Tries to become the one process that publishes. The lock lives as long as its session and is only
 * for efficiency: two leaders would be slow, and the fence keeps them correct.
 */
export async function tryLead(database: Database): Promise<Leadership | undefined> {
  const session = await database.session();
  const { rows } = await session.query<{ held: boolean }>("SELECT pg_try_advisory_lock($1) AS held", [publishLock]);
  if (rows[0]?.held !== true) {
    session.release();
    return undefined;
  }
  return hold(session);
}

function hold(session: PoolClient): Leadership {
  let lost = false;
  const lose = (): void => {
    if (!lost) session.release(true);
    lost = true;
  };
  session.once("error", lose);
  session.once("end", lose);
  // The lock ends with its session.
  return { isLost: () => lost, release: async () => lose() };
}
