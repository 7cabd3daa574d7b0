/** How providers are asked on behalf of the directory. */
export type ReadBackPace = {
  /** How often to look without being told: notifications can be missed, and times come. */
  readonly pollMs: number;
  /** How many users one provider is asked about at once; its client paces the questions themselves. */
  readonly atOnceMax: number;
  /** How long one answer is waited for, whatever its client does meanwhile. */
  readonly questionMsMax: number;
  /** How far apart two answers that there is no such user must lie. */
  readonly apartMs: number;
  /** How long a provider that failed is left alone: doubles from the one to the other. */
  readonly pauseMsMin: number;
  readonly pauseMsMax: number;
  /** How long a question that cannot be answered as it is waits at most. */
  readonly postponeMsMax: number;
  /** After so long without an answer somebody is told. */
  readonly alertAfterMs: number;
  /** How long one process has a listing in hand without a word. */
  readonly pullHeldMs: number;
  /** How often a listing that comes no step further is tried. */
  readonly pullAttemptsMax: number;
  /** How often a provider that can say it is asked what has changed. */
  readonly changesEveryMs: number;
};

export const usualReadBackPace: ReadBackPace = {
  pollMs: 1_000,
  atOnceMax: 8,
  // Shorter than a question is held for: nobody asks the same one beside it.
  questionMsMax: 45_000,
  apartMs: 60_000,
  pauseMsMin: 1_000,
  pauseMsMax: 300_000,
  postponeMsMax: 3_600_000,
  alertAfterMs: 300_000,
  changesEveryMs: 300_000,
  pullHeldMs: 30_000,
  pullAttemptsMax: 20,
};
