import { DirectoryError } from "../domain/index.ts";

/** Looks things up by id for anybody who asks, and spares the database what it has just answered. */
export type Lookup<Found> = {
  /** Undefined where there is no such thing. Throws `unavailable` where the id is unknown here, and too many such are asked about. */
  find(id: string): Promise<Found | undefined>;
};

// What was found is believed for so long: whatever ends, ends everywhere within it.
const believeMs = 1_000;
const rememberedMax = 10_000;
// A look-up is one index probe: this many cost one core of the database a tenth of its time at most.
const strangersPerSec = 1_000;

/**
 * What was found before is asked about at most once a second, and what was not at most once in
 * `absentMs`. Of ids that were never found here
 * the database is asked about so many in a second and no more, whoever sends them and from wherever: a
 * flood of invented tokens costs it no more than that, and holds up nobody who was here before.
 */
export function createLookup<Found>(
  read: (id: string) => Promise<Found | undefined>,
  now: () => number,
  absentMs: number,
): Lookup<Found> {
  const known = new Map<string, { readonly found: Found; readonly untilMs: number }>();
  const absent = new Map<string, number>();
  const asking = new Map<string, Promise<Found | undefined>>();
  let allowance = strangersPerSec;
  let countedAtMs = now();

  function spendOnStranger(): void {
    const atMs = now();
    allowance = Math.min(strangersPerSec, allowance + (Math.max(0, atMs - countedAtMs) * strangersPerSec) / 1_000);
    countedAtMs = atMs;
    if (allowance < 1)
      throw new DirectoryError("unavailable", "too many unknown tokens are being sent: try again in a moment");
    allowance -= 1;
  }
  /** A clock that is put back makes nothing believed for longer. */
  function isBelieved(untilMs: number, msMax: number): boolean {
    const leftMs = untilMs - now();
    return leftMs > 0 && leftMs <= msMax;
  }
  async function ask(id: string): Promise<Found | undefined> {
    const found = await read(id);
    if (found === undefined) {
      known.delete(id);
      remember(absent, id, now() + absentMs);
    } else {
      remember(known, id, { found, untilMs: now() + believeMs });
    }
    return found;
  }
  return {
    find: async (id) => {
      const last = known.get(id);
      if (last !== undefined && isBelieved(last.untilMs, believeMs)) return last.found;
      const underWay = asking.get(id);
      if (underWay !== undefined) return underWay;
      if (last === undefined) {
        if (isBelieved(absent.get(id) ?? 0, absentMs)) return undefined;
        spendOnStranger();
      }
      const asked = ask(id).finally(() => asking.delete(id));
      asking.set(id, asked);
      return asked;
    },
  };
}

/** Notes the newest last; of too many the oldest is forgotten. */
function remember<Value>(memory: Map<string, Value>, id: string, value: Value): void {
  memory.delete(id);
  memory.set(id, value);
  if (memory.size > rememberedMax) memory.delete(memory.keys().next().value as string);
}
