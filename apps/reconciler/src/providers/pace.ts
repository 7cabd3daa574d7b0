import { createBreaker, type Outcome } from "./breaker.ts";
import { type Clock, realClock } from "./clock.ts";
import type { PaceOptions } from "./pace-options.ts";
import { interrupted, ProviderFailure } from "./provider.ts";
import { createTurns } from "./turns.ts";

/** Asks a provider no faster, no more at once and no longer than it bears, and again where it may help. */
export type Pace = {
  /** Answers what the question does, or throws its last `ProviderFailure`. */
  ask<Answer>(question: (signal: AbortSignal) => Promise<Answer>, signal: AbortSignal): Promise<Answer>;
  /** Nobody asks anything for so long: what an answer said of the questions that are left. */
  pause(seconds: number): void;
};

export type PaceParts = { readonly clock?: Clock; readonly random?: () => number };

export function createPace(options: PaceOptions, { clock = realClock, random = Math.random }: PaceParts = {}): Pace {
  const turns = createTurns(options, clock);
  const breaker = createBreaker(options, clock.now);

  const tryOnce = async <Answer>(
    question: (signal: AbortSignal) => Promise<Answer>,
    signal: AbortSignal,
  ): Promise<Answer> => {
    const settle = breaker.enter();
    const timeout = AbortSignal.timeout(options.timeoutMs);
    try {
      const answer = await question(AbortSignal.any([signal, timeout]));
      settle("answered");
      return answer;
    } catch (error) {
      const failure = failureOf(error, signal, timeout, options.timeoutMs);
      settle(outcomeOf(failure, signal));
      throw failure;
    }
  };

  return {
    pause: (seconds) => turns.pause(Math.min(seconds, options.pauseSecMax)),
    ask: async (question, signal) => {
      for (let attempt = 1; ; attempt += 1) {
        breaker.check();
        try {
          return await turns.take(() => tryOnce(question, signal), signal);
        } catch (error) {
          const isLast = attempt >= options.attemptsMax || signal.aborted || breaker.isOpen();
          if (isLast || !(error instanceof ProviderFailure)) throw error;
          const restMs = restMsAfter(error, attempt, options, random);
          if (restMs === undefined) throw error;
          if (error.reason === "throttled" && error.retryAfterSec !== undefined) turns.pause(error.retryAfterSec);
          await clock.sleep(restMs, signal);
        }
      }
    },
  };
}

/** How long until it is asked again; undefined where asking again helps nobody. Doubles, and its jitter keeps askers apart. */
function restMsAfter(
  failure: ProviderFailure,
  attempt: number,
  { retryMsMin, retryMsMax, pauseSecMax }: PaceOptions,
  random: () => number,
): number | undefined {
  if (failure.reason !== "throttled" && !isOutage(failure)) return undefined;
  const askedSec = failure.retryAfterSec ?? 0;
  if (askedSec > pauseSecMax) return undefined;
  const backOffMs = Math.min(retryMsMin * 2 ** (attempt - 1), retryMsMax) * (0.5 + random() / 2);
  return Math.max(backOffMs, askedSec * 1_000);
}

function outcomeOf(failure: unknown, asked: AbortSignal): Outcome {
  if (asked.aborted || !(failure instanceof ProviderFailure)) return "unknown";
  return isOutage(failure) ? "failed" : "answered";
}

function isOutage({ reason }: ProviderFailure): boolean {
  return reason === "unreachable" || reason === "interrupted";
}

function failureOf(error: unknown, asked: AbortSignal, timeout: AbortSignal, timeoutMs: number): unknown {
  if (asked.aborted) return interrupted();
  if (timeout.aborted) return new ProviderFailure("unreachable", `it did not answer within ${timeoutMs / 1_000} s`);
  return error;
}
