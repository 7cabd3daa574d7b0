export type PaceOptions = {
  readonly perSec: number;
  /** How many may be asked at once after a rest. */
  readonly burst: number;
  readonly atOnceMax: number;
  readonly waitingMax: number;
  readonly timeoutMs: number;
  readonly attemptsMax: number;
  readonly retryMsMin: number;
  readonly retryMsMax: number;
  /** The longest that is waited where it asks to be left alone; beyond it, the failure says how long. */
  readonly pauseSecMax: number;
  /** So many failures in a row and nobody asks any more, but for one who tries after a while. */
  readonly failuresMax: number;
  readonly openMs: number;
};

export const usualPace: PaceOptions = {
  perSec: 10,
  burst: 10,
  atOnceMax: 4,
  waitingMax: 1_000,
  timeoutMs: 30_000,
  attemptsMax: 4,
  retryMsMin: 500,
  retryMsMax: 20_000,
  pauseSecMax: 60,
  failuresMax: 8,
  openMs: 30_000,
};
