/** How long a connection has been silent, and how long it usually is at most. */
export type Silence = {
  readonly silentMs: number;
  /** Undefined for a connection that is not known for long enough, and where it spoke within the hour. */
  readonly usualMs: number | undefined;
  /** Longer than is usual. Undefined where the usual is not known. */
  readonly isSilent: boolean | undefined;
};

/** So long a connection has to be known before its habits are: a week has its weekend in it. */
const knownMsMin = 7 * 86_400_000;
/** In so many stretches of that time something has to have been heard: two words a week are no habit. */
const heardMin = 20;
/** So much longer than ever before is more than chance. */
const patience = 1.5;
const silentMsMin = 3_600_000;
/** Silence on a Sunday is noticed within so long even after a longer holiday. */
const usualMsMax = 7 * 86_400_000;

/**
 * Compares the present silence with the longest one of the last weeks. `heardMs` are the stretches of time in which
 * something was heard, in their order; the last word of all came at `lastMs`.
 */
export function silenceOf(heardMs: readonly number[], lastMs: number, nowMs: number): Silence {
  const silentMs = Math.max(0, nowMs - lastMs);
  if (silentMs <= silentMsMin) return { silentMs, usualMs: undefined, isSilent: false };
  const first = heardMs[0];
  if (first === undefined || nowMs - first < knownMsMin || heardMs.length < heardMin)
    return { silentMs, usualMs: undefined, isSilent: undefined };
  const gaps = heardMs.slice(1).map((at, index) => at - (heardMs[index] ?? at));
  const usualMs = Math.min(usualMsMax, Math.max(...gaps));
  return { silentMs, usualMs, isSilent: silentMs > patience * usualMs };
}
