import { setTimeout as delay } from "node:timers/promises";

const patienceMs = Number(process.env["UNTIL_MS_MAX"] ?? 20_000);

/** Waits until a condition holds and answers what it found; fails with the condition's name at the deadline. */
export async function until<Found>(
  name: string,
  condition: () => Promise<Found | undefined | false> | Found | undefined | false,
  msMax = patienceMs,
): Promise<Found> {
  const deadline = Date.now() + msMax;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`still waiting after ${msMax} ms: ${name}`);
    await delay(10);
  }
}
