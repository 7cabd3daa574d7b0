import type { Logger } from "./log.ts";

/** What comes so soon after the first signal is the first one told again, and nobody who has lost patience. */
const sameSignalMsMax = 1_000;

export type Shutdown = {
  /** Runs on shutdown, last added first, so what was built last is closed first. */
  add(name: string, close: () => Promise<void> | void): void;
  readonly stopping: boolean;
  /** Closes everything, once; resolves when it is done or the deadline has passed. */
  run(reason: string): Promise<void>;
};

/**
 * Ends a process in order: not ready, stop accepting, drain, close. On SIGTERM or SIGINT it exits 0
 * when all is closed and 1 when the deadline cuts it short; a second one, a second after the first or later, exits at once.
 */
export function createShutdown(log: Logger, drainMsMax: number): Shutdown {
  const closers: { name: string; close: () => Promise<void> | void }[] = [];
  let running: Promise<void> | undefined;

  async function closeAll(): Promise<void> {
    for (const { name, close } of closers.toReversed()) {
      try {
        await close();
      } catch (error) {
        log.error({ err: error, part: name }, "could not close");
      }
    }
  }
  return {
    add: (name, close) => {
      closers.push({ name, close });
    },
    get stopping() {
      return running !== undefined;
    },
    run: (reason) => {
      log.info({ reason }, "stopping");
      running ??= closeAll();
      return Promise.race([running, timeLimit(drainMsMax)]);
    },
  };
}

/** Wires the process's signals to a shutdown. For `main.ts` alone. */
export function exitOnSignal(shutdown: Shutdown, log: Logger): void {
  let firstAtMs: number | undefined;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      // One Ctrl-C arrives twice: the terminal tells the whole group, and npm passes on what it was told itself.
      firstAtMs ??= performance.now();
      if (performance.now() - firstAtMs > sameSignalMsMax) process.exit(1);
      // Told of the same again, or already ending for a reason of its own.
      if (shutdown.stopping) return;
      shutdown.run(signal).then(
        () => process.exit(0),
        (error: unknown) => {
          log.error({ err: error }, "stopped with work left");
          process.exit(1);
        },
      );
    });
  }
}

function timeLimit(msMax: number): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`not drained within ${msMax} ms`)), msMax).unref();
  });
}
