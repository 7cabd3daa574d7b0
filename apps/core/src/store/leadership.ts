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
  const client = await database.session();
  const leadership = hold(client);
  try {
    const { rows } = await client.query<{ held: boolean }>("SELECT pg_try_advisory_lock($1) AS held", [publishLock]);
    if (rows[0]?.held === true) return leadership;
  } catch (error) {
    await leadership.release();
    throw error;
  }
  leadership.giveBack();
  return undefined;
}

/** Watches a session from its first statement on: an error that nobody listens for would end the process. */
function hold(client: PoolClient): Leadership & { giveBack(): void } {
  let lost = false;
  const end = (destroy: boolean): void => {
    if (!lost) client.release(destroy);
    lost = true;
  };
  const lose = (): void => end(true);
  client.once("error", lose);
  client.once("end", lose);
  return {
    isLost: () => lost,
    // The lock ends with its session.
    release: async () => lose(),
    giveBack: () => {
      client.off("error", lose);
      client.off("end", lose);
      end(false);
    },
  };
}
