/** How much passed within a window, and how much of it was late. */
export type WindowCount = { readonly total: number; readonly late: number };

/** What is counted for one objective: a short and a long window for each of two speeds. */
export type BurnWindows = {
  readonly fiveMinutes: WindowCount;
  readonly halfHour: WindowCount;
  readonly hour: WindowCount;
  readonly sixHours: WindowCount;
};

export type Burning = "no" | "slow" | "fast";

/**
 * A budget of thirty days is burnt to two hundredths in an hour at 14.4 times its pace, and to a twentieth in
 * six hours at 6 times (Site Reliability Workbook, chapter 5, "multiwindow, multi-burn-rate alerts").
 */
const fastRate = 14.4;
const slowRate = 6;

/** So many have to be late in the long window: of three changes in a quiet hour, one that is slow is no trend. */
export const lateMin = 3;

/**
 * How fast a stage uses up what its objective forgives. Both windows of a speed have to say so: the long one that
 * it matters, the short one that it still goes on. Nothing passed is nothing burnt.
 */
export function burning(windows: BurnWindows, share: number): Burning {
  const { fiveMinutes, halfHour, hour, sixHours } = windows;
  if (isBurning(fiveMinutes, hour, share, fastRate)) return "fast";
  return isBurning(halfHour, sixHours, share, slowRate) ? "slow" : "no";
}

/** How many times faster than it may last; 1 uses all of it up in just the time that it is for. */
export function burnRate({ total, late }: WindowCount, share: number): number {
  return total === 0 ? 0 : late / total / (1 - share);
}

function isBurning(short: WindowCount, long: WindowCount, share: number, rate: number): boolean {
  return long.late >= lateMin && burnRate(short, share) >= rate && burnRate(long, share) >= rate;
}
