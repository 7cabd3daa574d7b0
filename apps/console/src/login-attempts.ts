import { LoginRefused } from "./login-refused.ts";

/** Counts logins that failed, so that nobody guesses for long, and nobody is kept out by whoever does. */
export type LoginAttempts = {
  /** Throws `rate_limited` where an address has failed too often of late, or all of them together. */
  fail(address: string): void;
};

const windowMs = 60_000;
const perAddressMax = 20;
const allMax = 600;
const addressesMax = 10_000;

/** Counts in this process, in windows of a minute. */
export function createLoginAttempts(now: () => number): LoginAttempts {
  const counts = new Map<string, number>();
  let all = 0;
  let beganAtMs = now();

  function turnPage(): void {
    const atMs = now();
    if (atMs - beganAtMs < windowMs && atMs >= beganAtMs && counts.size < addressesMax) return;
    counts.clear();
    all = 0;
    beganAtMs = atMs;
  }
  return {
    fail: (address) => {
      turnPage();
      const count = counts.get(address) ?? 0;
      if (count >= perAddressMax || all >= allMax)
        throw new LoginRefused("rate_limited", "too many logins have failed", "try again in a minute");
      counts.set(address, count + 1);
      all += 1;
    },
  };
}
