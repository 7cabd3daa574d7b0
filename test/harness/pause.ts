import { Client } from "pg";
import type { Database } from "@rollcall/core/store";

type Transaction = Parameters<Parameters<Database["inTenant"]>[1]>[0];

export type Paused = {
  readonly transaction: Transaction;
  /** Resolves when the statement that waits is the next one. */
  readonly reached: Promise<void>;
  letGo(): void;
  /** How many statements were asked for. */
  count(): number;
};

/** A transaction that stops before its statement number `at`, from zero; the order of its statements is kept. */
export function pauseBefore(real: Transaction, at: number): Paused {
  const gate = Promise.withResolvers<void>();
  const reached = Promise.withResolvers<void>();
  let asked = 0;
  let sent: Promise<unknown> = Promise.resolve();
  return {
    reached: reached.promise,
    letGo: gate.resolve,
    count: () => asked,
    transaction: {
      query: async (statement) => {
        const mine = asked;
        asked += 1;
        const before = sent;
        const turn = Promise.withResolvers<void>();
        sent = turn.promise;
        await before;
        if (mine === at) {
          reached.resolve();
          await gate.promise;
        }
        const result = real.query(statement);
        turn.resolve();
        return result as never;
      },
    },
  };
}

/** How many statements wait for a lock in this database now. */
export async function lockWaiters(databaseUrl: string): Promise<number> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ count: string }>(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return Number(rows[0]?.count);
  } finally {
    await client.end();
  }
}
