import { mutants as storyMutants } from "../harness/mutants/mutants.ts";

/** One mistake that the house must not make, written into its source, and the fault that brings it to light. */
export type ChaosMutant = {
  readonly name: string;
  /** Relative to the checkout. */
  readonly file: string;
  /** Each text stands once in the file; white space counts as one. */
  readonly changes: readonly { readonly from: string; readonly to: string }[];
  readonly caughtBy: string;
};

const store = "apps/core/src/store";

/** The negative controls: each fault is worth something only where a mistake that it is meant for does not survive it. */
export const mutants: readonly ChaosMutant[] = [
  ofStory("acknowledge a group before the commit", "cut-before-commit"),
  {
    name: "a write whose answer was lost is written again",
    file: `${store}/database.ts`,
    changes: [
      {
        from: "throw error; } finally { client.off(",
        to: "if (/terminated|ECONNRESET/.test(`${error}`)) return await withClient(pool, work); throw error; } finally { client.off(",
      },
    ],
    caughtBy: "cut-after-commit",
  },
  ofStory("no fence", "pause-reconciler"),
  ofStory("the queue is the record: nothing sweeps", "flushall"),
  ofStory("the queue is the record: nothing sweeps", "redis-absent"),
  ofStory("the queue is the record: nothing sweeps", "redis-rollback"),
  {
    name: "an outage is the event's fault",
    file: `${store}/transient.ts`,
    changes: [{ from: "if (!(error instanceof Error)) return false;", to: "if (error !== null) return false;" }],
    caughtBy: "terminate",
  },
  {
    name: "nobody listens to a connection that breaks while it is idle",
    file: `${store}/database.ts`,
    changes: [{ from: 'pool.on("error", options.onError);', to: "" }],
    caughtBy: "reset",
  },
  {
    name: "nobody listens to a connection that breaks while it is lent",
    file: `${store}/database.ts`,
    changes: [{ from: 'pool.on("connect", (client) => void client.on("error", () => undefined));', to: "" }],
    caughtBy: "connections",
  },
  {
    name: "a signal ends the process at once",
    file: "apps/core/src/runtime/shutdown.ts",
    changes: [{ from: "if (shutdown.stopping) process.exit(1);", to: "process.exit(0);" }],
    caughtBy: "drain",
  },
  {
    name: "tokens die by the worker's own clock",
    file: `${store}/converge.ts`,
    changes: [
      {
        from: "return Math.min(event.occurredAt?.getTime() ?? Number.POSITIVE_INFINITY, event.acceptedAt.getTime());",
        to: "return Date.now();",
      },
    ],
    caughtBy: "clock",
  },
  {
    name: "a ban ends by the reconciler's own clock",
    file: `${store}/ending-denials.ts`,
    changes: [{ from: "at ?? (await timeOf(database))", to: "at ?? new Date()" }],
    caughtBy: "clock",
  },
  {
    name: "a token is believed for as long as the clock is put back",
    file: `${store}/credential-lookup.ts`,
    changes: [{ from: "return leftMs > 0 && leftMs <= msMax;", to: "return leftMs > 0;" }],
    caughtBy: "clock",
  },
  {
    name: "a leader keeps the lead without a word",
    file: `${store}/leadership.ts`,
    changes: [{ from: "[String(leaseMs)]", to: '["0"]' }],
    caughtBy: "pause-reconciler",
  },
  {
    name: "an answer of PostgreSQL is waited for without end",
    file: `${store}/database.ts`,
    changes: [
      { from: "query_timeout: answerMsMax,", to: "" },
      {
        from: "connectionString: options.url,",
        to: 'connectionString: options.url.replace(/query_timeout=\\d+/, ""),',
      },
    ],
    caughtBy: "blackhole",
  },
  {
    name: "an answer of Redis is waited for without end",
    file: "apps/core/src/queue/connection.ts",
    changes: [{ from: "socketTimeout: redisAnswerMsMax,", to: "" }],
    caughtBy: "blackhole",
  },
  {
    name: "a request waits for a Redis that does not answer",
    file: "apps/core/src/queue/rate-limit.ts",
    changes: [{ from: "commandTimeout: answerMsMax,", to: "" }],
    caughtBy: "blackhole",
  },
];

function ofStory(name: string, caughtBy: string): ChaosMutant {
  const mutant = storyMutants.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant ${JSON.stringify(name)}`);
  return { ...mutant, caughtBy };
}
