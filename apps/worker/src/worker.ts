import { createWaker, type QueueAddress, startLaneWorker } from "@rollcall/core/queue";
import type { Logger } from "@rollcall/core/runtime";
import type { Database } from "@rollcall/core/store";
import { startCountFold } from "./count-fold.ts";
import { createDenialDrain, createDrain, type Drain } from "./drain.ts";
import { startDenialSweep, startSweep } from "./sweep.ts";

export { createDenialDrain, createDrain, type Drain } from "./drain.ts";
export { startSweep } from "./sweep.ts";

export type WorkerOptions = {
  readonly database: Database;
  readonly queue: QueueAddress;
  readonly log: Logger;
  readonly newId: () => string;
};

export type Worker = { readonly drain: Drain; close(): Promise<void> };

/** Applies what waits in the lanes: woken by the queue, and by its own sweep when the queue is silent. */
export function startWorker({ database, queue, log, newId }: WorkerOptions): Worker {
  const onError = (error: Error): void => log.warn({ err: error }, "the queue failed; the sweep goes on");
  // What happens to a group is passed on to its members, whose lanes are others.
  const waker = createWaker(queue, onError);
  const options = { database, log, newId, wake: waker.wake };
  const drain = createDrain(options);
  const rounds = [
    startSweep(database, drain, log),
    startDenialSweep(createDenialDrain(options), log),
    startCountFold(database, log),
  ];
  const lanes = startLaneWorker(queue, drain, onError);
  return {
    drain,
    close: async () => {
      await Promise.all([...rounds.map((each) => each.close()), lanes.close()]);
      await waker.close();
    },
  };
}
