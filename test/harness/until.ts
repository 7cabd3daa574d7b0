import { setTimeout as delay } from "node:timers/promises";

const patienceMs = Number(process.env["UNTIL_MS_MAX"] ?? 20_000);

/** Waits until a condition holds and answers what it found; fails with the condition's name at the deadline, even where the condition itself never answers. */
export async function until<Found>(
  name: string,
  condition: () => Promise<Found | undefined | false> | Found | undefined | false,
  msMax = patienceMs,
): Promise<Found> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const patience = new AbortController();
    const found = await Promise.race([
      condition(),
      delay(Math.max(0, deadline - Date.now()), undefined, { signal: patience.signal }),
    ]).finally(() => patience.abort());
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`still waiting after ${msMax} ms: ${name}`);
    await delay(10);
  }
}
