/** A clock that stands until it is told to move. */
export function createClock(startMs = 1_800_000_000_000) {
  let ms = startMs;
  return {
    now: () => ms,
    sec: () => Math.floor(ms / 1_000),
    advanceSec: (seconds: number) => void (ms += seconds * 1_000),
  };
}

export type Clock = ReturnType<typeof createClock>;

/** Waits for a condition, and fails where it does not come true in time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 8_000,
): Promise<void> {
  const endsAt = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > endsAt) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
