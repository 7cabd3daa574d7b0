/** What applications can be told of a subject. */
export const applicationEventKinds = [
  "user.denied",
  "user.allowed",
  "user.deleted",
  "session.revoked",
  "user.identifier_changed",
] as const;
export type ApplicationEventKind = (typeof applicationEventKinds)[number];

/** One thing that happened to one subject, or to one session. */
export type ApplicationEvent = {
  /** Grows with time; of two events of one subject the one with the higher number is the later. */
  readonly sequence: number;
  readonly kind: ApplicationEventKind;
  /** Undefined where Rollcall knows nobody of that subject. */
  readonly userId: string | undefined;
  readonly iss: string;
  /** Undefined where it is about a session alone. */
  readonly sub: string | undefined;
  readonly session: string | undefined;
  /** What the subject is called from now on; undefined where it is not known yet. */
  readonly newSub: string | undefined;
  readonly reason: string;
  /** What all that one change caused has in common. */
  readonly cause: string;
  readonly happenedAt: Date;
  readonly createdAt: Date;
};

/** How long to wait after each attempt that failed, in seconds; after the last of them comes one more attempt. */
export const retryScheduleSec: readonly number[] = [5, 30, 120, 600, 1_800, 7_200, 18_000, 36_000, 86_400];

/**
 * When to try again after the given attempt, in milliseconds from now; undefined where there is no
 * further attempt. A fifth is added or taken away by chance, so that what failed together does not
 * come back together. `chance` is from 0 to 1.
 */
export function retryAfterMs(
  attempt: number,
  chance: number,
  scheduleSec: readonly number[] = retryScheduleSec,
): number | undefined {
  const waitSec = scheduleSec[attempt - 1];
  return waitSec === undefined ? undefined : Math.round(waitSec * 1_000 * (0.8 + 0.4 * chance));
}
