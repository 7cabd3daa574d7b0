/** Waits, and returns early when the signal aborts. Does not keep the process alive. */
export async function rest(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener("abort", done, { once: true });
  });
}

/** Doubles with every failure in a row up to a limit; the jitter keeps a fleet from returning as one. */
export function backOffMs(failures: number, firstMs: number, maxMs: number): number {
  const full = Math.min(maxMs, firstMs * 2 ** Math.min(failures - 1, 20));
  return full * (0.5 + Math.random() / 2);
}

/** A pause that differs by up to a tenth, so that gateways which began together do not ask together. */
export function jitteredMs(ms: number): number {
  return ms * (0.9 + Math.random() / 5);
}
