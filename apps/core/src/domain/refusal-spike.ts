/** How often one reason refused somebody, minute by minute. */
export type MinuteCount = { readonly minuteMs: number; readonly count: number };

/** What is usual is taken from the six hours before the last five minutes. */
export const usualMinutes = 360;
export const spikeMinutes = 5;

/** So many in five minutes have to be refused before anybody looks: a handful is people with old tabs. */
const countMin = 30;
const timesUsual = 8;
const timesUsualWorse = 40;

/** Whether one reason refuses far more than it used to: 1 where it does, 2 where it is many times more. */
export function spikeOf(counts: readonly MinuteCount[], nowMs: number): 0 | 1 | 2 {
  const borderMs = nowMs - spikeMinutes * 60_000;
  const usual = counts.filter(({ minuteMs }) => minuteMs < borderMs);
  const recent = counts.filter(({ minuteMs }) => minuteMs >= borderMs).reduce((sum, { count }) => sum + count, 0);
  if (recent < countMin) return 0;
  const before = usual.reduce((sum, { count }) => sum + count, 0);
  // A reason that never refused anybody is usual at one in five minutes.
  const perFiveMinutes = Math.max(1, (before * spikeMinutes) / usualMinutes);
  if (recent >= timesUsualWorse * perFiveMinutes) return 2;
  return recent >= timesUsual * perFiveMinutes ? 1 : 0;
}
