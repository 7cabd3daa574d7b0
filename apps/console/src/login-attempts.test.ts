import { DirectoryError } from "@rollcall/core/domain";
import { describe, expect, test } from "vitest";
import { createLoginAttempts, type LoginAttempts } from "./login-attempts.ts";

describe("logins that fail", () => {
  test("are refused after the twentieth of an address, and are heard again a minute after the first", () => {
    const clock = { ms: 1_000_000 };
    const attempts = createLoginAttempts(() => clock.ms);
    expect(fail(attempts, "192.0.2.1", 20)).toEqual([]);
    expect(fail(attempts, "192.0.2.1", 2)).toEqual(["rate_limited", "rate_limited"]);
    clock.ms += 59_999;
    expect(fail(attempts, "192.0.2.1", 1)).toEqual(["rate_limited"]);
    clock.ms += 1;
    expect(fail(attempts, "192.0.2.1", 20)).toEqual([]);
    expect(fail(attempts, "192.0.2.1", 1)).toEqual(["rate_limited"]);
  });

  test("are nobody else's", () => {
    const attempts = createLoginAttempts(() => 0);
    fail(attempts, "192.0.2.1", 100);
    expect(fail(attempts, "192.0.2.2", 20)).toEqual([]);
  });

  test("are counted together as well, so that many addresses guess no longer than thirty", () => {
    const attempts = createLoginAttempts(() => 0);
    for (let number = 0; number < 30; number += 1) expect(fail(attempts, `192.0.2.${number}`, 20)).toEqual([]);
    expect(fail(attempts, "198.51.100.1", 1)).toEqual(["rate_limited"]);
  });

  test("keep nobody out for longer where the clock is set back", () => {
    const clock = { ms: 10_000_000 };
    const attempts = createLoginAttempts(() => clock.ms);
    fail(attempts, "192.0.2.1", 21);
    clock.ms = 0;
    expect(fail(attempts, "192.0.2.1", 1)).toEqual([]);
  });
});

/** The codes of those that were refused. */
function fail(attempts: LoginAttempts, address: string, times: number): readonly string[] {
  return Array.from({ length: times }).flatMap(() => {
    try {
      attempts.fail(address);
      return [];
    } catch (error) {
      return [error instanceof DirectoryError ? error.code : String(error)];
    }
  });
}
