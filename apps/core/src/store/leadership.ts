import type { PoolClient } from "pg";
import type { Database } from "./database.ts";

export type Leadership = { isLost(): boolean; release(): Promise<void> };

// Any fixed number; it names the duty among the advisory locks of the database.
const publishLock = 7_305_601;
// So long a leader may be silent. PostgreSQL ends its session then and gives the lock to another: a
// process that stands still, or that nothing reaches any more, would else keep it for as long as TCP does.
const leaseMs = 5_000;
const signEveryMs = 1_000;

/**
 * Tries to become the one process that publishes. The lock lives as long as its session, which ends
 * when it has been silent for a lease, and is only for efficiency: two leaders would be slow, and the
 * fence keeps them correct.
 */
export async function tryLead(database: Database): Promise<Leadership | undefined> {
  const client = await database.session();
  const leadership = hold(client);
  try {
    const { rows } = await client.query<{ held: boolean }>("SELECT pg_try_advisory_lock($1) AS held", [publishLock]);
    if (rows[0]?.held === true) {
      await client.query("SELECT set_config('idle_session_timeout', $1, false)", [String(leaseMs)]);
      leadership.sign();
      return leadership;
    }
  } catch (error) {
    await leadership.release();
    throw error;
  }
  leadership.giveBack();
  return undefined;
}

/** Watches a session from its first statement on: an error that nobody listens for would end the process. */
function hold(client: PoolClient): Leadership & { sign(): void; giveBack(): void } {
  let lost = false;
  let signing: NodeJS.Timeout | undefined;
  const end = (destroy: boolean): void => {
    clearInterval(signing);
    if (!lost) client.release(destroy);
    lost = true;
  };
  const lose = (): void => end(true);
  client.on("error", lose);
  client.once("end", lose);
  return {
    isLost: () => lost,
    // The lock ends with its session.
    release: async () => lose(),
    /** Says from time to time that it is there. Whoever hears no answer for a lease leads no longer. */
    sign: () => {
      let unanswered = 0;
      signing = setInterval(() => {
        if (unanswered * signEveryMs >= leaseMs) return lose();
        unanswered += 1;
        client.query("SELECT 1").then(() => {
          unanswered = 0;
        }, lose);
      }, signEveryMs);
    },
    giveBack: () => {
      client.off("error", lose);
      client.off("end", lose);
      end(false);
    },
  };
}
