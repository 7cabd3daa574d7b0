import { setTimeout as delay } from "node:timers/promises";
import { Queue, Worker } from "bullmq";
import { connectQueue, type QueueAddress } from "./connection.ts";

/** Something to be done again and again, by whichever of the processes that know it. */
export type Schedule = {
  /** The same in every process that shares the work. */
  readonly name: string;
  readonly everyMs: number;
  /**
   * Runs once at a time in a process. Two processes may run it at once while the queue is away, so what must
   * be done by one alone is leased or locked in PostgreSQL.
   */
  readonly run: () => Promise<void>;
};

export type Schedules = {
  /** Resolves when nothing runs any more. */
  close(): Promise<void>;
};

/** A queue that does not answer by then has no say in whether a run is late. */
const answerMsMax = 1_000;
/** What a busy worker may need to come to a run is not late yet. */
const lateMs = 1_000;

/**
 * Runs each schedule in one of the processes, by BullMQ's job schedulers. Each process also looks itself
 * whether a run is late, and then runs it: a queue that is emptied, slow or away delays a run by one
 * interval, and never ends a schedule.
 */
export function startSchedules(
  address: QueueAddress,
  schedules: readonly Schedule[],
  onError: (error: Error) => void,
): Schedules {
  const started = schedules.map((schedule) => startSchedule(address, schedule, onError));
  return { close: async () => void (await Promise.all(started.map((schedule) => schedule.close()))) };
}

function startSchedule(
  address: QueueAddress,
  { name, everyMs, run }: Schedule,
  onError: (error: Error) => void,
): Schedules {
  // A queue of its own: a process takes no job of a schedule that it does not know.
  const queueName = `schedule-${name}`;
  const runner = createRunner(run, onError);
  const sending = connectQueue(address, "send");
  const queue = new Queue(queueName, { connection: sending.connection }, sending.factory);
  queue.on("error", onError);
  const working = connectQueue(address, "work");
  const worker = new Worker(
    queueName,
    runner.run,
    {
      connection: working.connection,
      lockDuration: 5_000,
      stalledInterval: 2_000,
      maxStalledCount: 1_000_000,
      runRetryDelay: 1_000,
    },
    working.factory,
  );
  worker.on("error", onError);
  const closing = new AbortController();
  const watching = watch();

  async function watch(): Promise<void> {
    await answered(plan, closing.signal, onError);
    while (!closing.signal.aborted) {
      await delay(everyMs, undefined, { signal: closing.signal }).catch(() => undefined);
      if (!closing.signal.aborted && runner.idleMs() >= everyMs && (await isLate())) await runner.run();
    }
  }
  /** Whether nobody ran it when the queue says that it was to be run. */
  async function isLate(): Promise<boolean> {
    const read = async () => (await queue.getJobScheduler(name))?.next ?? "unplanned";
    const next = await answered(read, closing.signal, onError);
    if (next === "unanswered") return true;
    if (next !== "unplanned") return Date.now() - next >= everyMs + lateMs;
    // The queue was emptied, or was not there when this began.
    await answered(plan, closing.signal, onError);
    return true;
  }
  async function plan(): Promise<void> {
    const opts = { removeOnComplete: true, removeOnFail: true };
    // Two processes do not run it at once, as long as the queue has a say in it.
    await queue.setGlobalConcurrency(1);
    await queue.upsertJobScheduler(name, { every: everyMs }, { name, opts });
  }
  return {
    close: async () => {
      closing.abort();
      await Promise.all([watching, runner.ended()]);
      // BullMQ waits for its last word to a queue that may be gone.
      await worker.close(!working.isReady());
      if (sending.isReady()) await queue.close();
      working.close();
      sending.close();
    },
  };
}

/** BullMQ waits for a queue that was never there as long as it takes; nobody waits here for that. */
async function answered<Answer>(
  ask: () => Promise<Answer>,
  signal: AbortSignal,
  onError: (error: Error) => void,
): Promise<Answer | "unanswered"> {
  const patience = delay(answerMsMax, undefined, { signal }).catch(() => undefined);
  const answer = ask().catch((error: unknown) => {
    if (!signal.aborted) onError(error as Error);
    return undefined;
  });
  return (await Promise.race([answer, patience])) ?? "unanswered";
}

/** One run at a time; whoever asks while it runs waits for nothing. */
function createRunner(run: () => Promise<void>, onError: (error: Error) => void) {
  let running: Promise<void> | undefined;
  let ranAtMs = performance.now();
  return {
    run: async (): Promise<void> => {
      if (running !== undefined) return;
      running = run()
        .catch((error: unknown) => onError(error instanceof Error ? error : new Error(String(error))))
        .finally(() => {
          running = undefined;
          ranAtMs = performance.now();
        });
      await running;
    },
    ended: async (): Promise<void> => running,
    /** How long ago it was run here. */
    idleMs: (): number => (running === undefined ? performance.now() - ranAtMs : 0),
  };
}
