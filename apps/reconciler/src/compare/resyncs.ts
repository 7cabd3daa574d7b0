import { createBell, type Logger } from "@rollcall/core/runtime";
import {
  type Database,
  followEvents,
  isTransient,
  recordStep,
  releaseResync,
  type ResyncLine,
  type ResyncRun,
  subscribe,
  type TakenResync,
  takeResync,
} from "@rollcall/core/store";
import { walkStep } from "./walk.ts";

export type Resyncs = { close(): Promise<void> };

export type ResyncsOptions = {
  readonly database: Database;
  /** Tells the workers that these lanes have work. */
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  readonly log: Logger;
  /** How often to look without being told: notifications can be missed. */
  readonly pollMs?: number;
};

const lines: readonly ResyncLine[] = ["short", "asked", "scheduled"];

// A resync never fills the lanes: what happens meanwhile must not wait behind a million subjects.
const waitingMax = 10_000;
const paceMs = 50;
// So long a run waits for the workers in its place; then others have a turn, whose workers may be quicker.
const patienceMs = 1_000;
const turnMs = 500;
const retryMs = 2_000;

/**
 * Does the runs that were asked for, one of each line at a time. Any number of processes may: a run is
 * taken in hand in the database, and each of its steps is recorded with where the next one goes on. A
 * process that ends in the middle of one loses nothing, and another goes on with it.
 */
export async function startResyncs(options: ResyncsOptions): Promise<Resyncs> {
  const { database, log, pollMs = 1_000 } = options;
  const ending = new AbortController();
  const bells = lines.map(() => createBell());
  const ring = (): void => bells.forEach((bell) => bell.ring());
  const subscription = await subscribe(database, "rollcall_resync", ring, (error) =>
    log.warn({ err: error }, "resyncs lost a connection"),
  );

  async function serve(line: ResyncLine, wait: (ms: number) => Promise<void>): Promise<void> {
    while (!ending.signal.aborted) {
      const taken = await takeResync(database, line).catch((error: unknown) => {
        log.error({ err: error }, "the resyncs that wait could not be read");
        return undefined;
      });
      if (taken === undefined) await wait(pollMs);
      else await doRun({ ...options, closing: ending.signal, wait }, taken);
    }
  }
  const running = Promise.all(lines.map((line, at) => serve(line, bells[at]?.wait ?? (() => Promise.resolve()))));
  return {
    close: async () => {
      ending.abort();
      ring();
      await running;
      await subscription.close();
    },
  };
}

type Doing = ResyncsOptions & { readonly closing: AbortSignal; readonly wait: (ms: number) => Promise<void> };

async function doRun(doing: Doing, { tenantId, run }: TakenResync): Promise<void> {
  const { database, log, closing } = doing;
  try {
    let present: ResyncRun = run;
    while (present.state === "running") {
      const next: ResyncRun | "lost" | "busy" = closing.aborted ? "busy" : await doStep(doing, tenantId, present);
      // Cancelled, or gone on with by another.
      if (next === "lost") return;
      if (next === "busy") return await releaseResync(database, tenantId, run.id, closing.aborted ? 0 : turnMs);
      present = next;
    }
    log.info({ tenant: tenantId, run: run.id, found: present.found, healed: present.healed }, "a resync has ended");
  } catch (error) {
    log.error({ err: error, tenant: tenantId, run: run.id }, "a resync failed and will be gone on with");
    const reason = isTransient(error) ? undefined : nameOf(error);
    await releaseResync(database, tenantId, run.id, retryMs, reason).catch(() => undefined);
  }
}

/** One step, once the workers have left room for what it may write. */
async function doStep(doing: Doing, tenantId: string, run: ResyncRun): Promise<ResyncRun | "lost" | "busy"> {
  const { database, wake } = doing;
  const ready = await untilApplied(doing, tenantId, run, run.cursor?.part === "settle" ? 0 : waitingMax);
  if (ready === "lost" || ready === "busy") return ready;
  const recorded = await recordStep(database, tenantId, ready, await walkStep(database, tenantId, ready));
  if (recorded === undefined) return "lost";
  if (recorded.lanes.length > 0) wake(recorded.lanes, false);
  return recorded.run;
}

/** Waits until no more than so many of the run's events are still to be applied. */
async function untilApplied(
  { database, closing, wait }: Doing,
  tenantId: string,
  run: ResyncRun,
  most: number,
): Promise<ResyncRun | "lost" | "busy"> {
  if (run.enqueued <= most) return run;
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const followed = await followEvents(database, tenantId, run);
    if (followed === undefined) return "lost";
    if (followed.waiting <= most) return followed.run;
    if (closing.aborted || performance.now() > deadline) return "busy";
    await wait(paceMs);
  }
}

/** Names the fault without the data that PostgreSQL may quote in its message. */
function nameOf(error: unknown): string {
  const { code, name } = error as { readonly code?: string; readonly name?: string };
  return code === undefined ? (name ?? "Error") : `database ${code}`;
}
