import type { PaceOptions } from "./pace-options.ts";
import { ProviderFailure } from "./provider.ts";

/** How a question went: `unknown` where whoever asked did not wait for it. */
export type Outcome = "answered" | "failed" | "unknown";

/** Spares a provider that is down, and whoever would wait for it. */
export type Breaker = {
  /** Throws `unreachable` where a question would not be let through. */
  check(): void;
  isOpen(): boolean;
  /** Lets a question through and answers how to say what became of it, or throws like `check`. */
  enter(): (outcome: Outcome) => void;
};

/** Opens after failures in a row; after a while one question tries, and its outcome closes it or keeps it open. */
export function createBreaker(
  { failuresMax, openMs }: Pick<PaceOptions, "failuresMax" | "openMs">,
  now: () => number,
): Breaker {
  let failures = 0;
  let openUntil = 0;
  let isTrying = false;

  const isOpen = (): boolean => failures >= failuresMax;
  const check = (): void => {
    if (!isOpen() || (!isTrying && now() >= openUntil)) return;
    const waitSec = Math.max(Math.ceil((openUntil - now()) / 1_000), 1);
    throw new ProviderFailure("unreachable", `it failed ${failures} times in a row and is left alone`, waitSec);
  };

  return {
    check,
    isOpen,
    enter: () => {
      check();
      const isTrial = isOpen();
      isTrying ||= isTrial;
      return (outcome) => {
        if (isTrial) isTrying = false;
        if (outcome === "answered") failures = 0;
        if (outcome !== "failed") return;
        failures += 1;
        if (isOpen()) openUntil = now() + openMs;
      };
    },
  };
}
