import { describe, expect, test } from "vitest";
import { realClock } from "./clock.ts";
import { createPace } from "./pace.ts";
import { type PaceOptions, usualPace } from "./pace-options.ts";
import { ProviderFailure, type ProviderFailureReason } from "./provider.ts";

const never = new AbortController().signal;
const quick: PaceOptions = {
  ...usualPace,
  perSec: 10_000,
  burst: 10_000,
  retryMsMin: 1,
  retryMsMax: 4,
  attemptsMax: 3,
  openMs: 1_000,
};

/** A clock that stands but for those who wait, and a question that notes when it was asked. */
function steppingClock() {
  let nowMs = 0;
  const clock = {
    now: () => nowMs,
    sleep: async (ms: number) => {
      nowMs += ms;
    },
  };
  const asked = Object.assign(async () => void asked.at.push(nowMs), { at: [] as number[] });
  return { clock, asked };
}

/** Fails with each reason in turn, and then answers. */
function failing(...reasons: readonly ProviderFailureReason[]) {
  let asked = 0;
  return {
    asked: () => asked,
    question: async () => {
      const reason = reasons[asked];
      asked += 1;
      if (reason !== undefined) throw new ProviderFailure(reason, "it failed", reason === "throttled" ? 0 : undefined);
      return asked;
    },
  };
}

describe("a provider is asked again", () => {
  test.each(["unreachable", "interrupted", "throttled"] as const)("where it was %s", async (reason) => {
    const { question, asked } = failing(reason, reason);
    expect(await createPace(quick).ask(question, never)).toBe(3);
    expect(asked()).toBe(3);
  });

  test.each(["unauthenticated", "forbidden", "malformed", "incomplete", "expired"] as const)(
    "but not where it was %s: it would say the same",
    async (reason) => {
      const { question, asked } = failing(reason);
      await expect(createPace(quick).ask(question, never)).rejects.toMatchObject({ reason });
      expect(asked()).toBe(1);
    },
  );

  test("no more often than it may be, and then its last failure is the answer", async () => {
    const { question, asked } = failing("unreachable", "unreachable", "throttled", "unreachable");
    await expect(createPace(quick).ask(question, never)).rejects.toMatchObject({ reason: "throttled" });
    expect(asked()).toBe(3);
  });

  test("not at all where it wants to be left alone for longer than anybody waits", async () => {
    let asked = 0;
    const question = async () => {
      asked += 1;
      throw new ProviderFailure("throttled", "later", quick.pauseSecMax + 1);
    };
    await expect(createPace(quick).ask(question, never)).rejects.toMatchObject({
      retryAfterSec: quick.pauseSecMax + 1,
    });
    expect(asked).toBe(1);
  });

  test("not where the fault is our own", async () => {
    let asked = 0;
    const question = async () => {
      asked += 1;
      throw new TypeError("a mistake");
    };
    await expect(createPace(quick).ask(question, never)).rejects.toThrow(TypeError);
    expect(asked).toBe(1);
  });

  test("not by who no longer wants to know", async () => {
    const ending = new AbortController();
    let asked = 0;
    const question = async () => {
      asked += 1;
      ending.abort();
      throw new ProviderFailure("unreachable", "it failed");
    };
    await expect(createPace(quick).ask(question, ending.signal)).rejects.toMatchObject({ reason: "interrupted" });
    expect(asked).toBe(1);
  });
});

describe("a provider that is down is left alone", () => {
  test("after failures in a row, until one question has tried", async () => {
    let nowMs = 0;
    const pace = createPace(
      { ...quick, attemptsMax: 1, failuresMax: 3 },
      { clock: { ...realClock, now: () => nowMs } },
    );
    const down = failing(...Array<ProviderFailureReason>(4).fill("unreachable"));
    for (let question = 0; question < 6; question += 1)
      await expect(pace.ask(down.question, never)).rejects.toMatchObject({ reason: "unreachable" });
    expect(down.asked()).toBe(3);

    nowMs += quick.openMs;
    await expect(pace.ask(down.question, never)).rejects.toMatchObject({ reason: "unreachable" });
    await expect(pace.ask(down.question, never)).rejects.toMatchObject({ retryAfterSec: 1 });
    expect(down.asked()).toBe(4);

    nowMs += quick.openMs;
    expect(await pace.ask(down.question, never)).toBe(5);
    expect(await pace.ask(down.question, never)).toBe(6);
  });

  test("by all but the one who tries", async () => {
    let nowMs = 0;
    const pace = createPace(
      { ...quick, attemptsMax: 1, failuresMax: 1 },
      { clock: { ...realClock, now: () => nowMs } },
    );
    await expect(pace.ask(failing("unreachable").question, never)).rejects.toMatchObject({ reason: "unreachable" });
    nowMs += quick.openMs;
    const { promise, resolve } = Promise.withResolvers<string>();
    const trial = pace.ask(() => promise, never);
    await expect(pace.ask(async () => "asked", never)).rejects.toMatchObject({ reason: "unreachable" });
    resolve("it is back");
    expect(await trial).toBe("it is back");
    expect(await pace.ask(async () => "asked", never)).toBe("asked");
  });

  test("and not for what it answered, or for who hung up", async () => {
    const pace = createPace({ ...quick, attemptsMax: 1, failuresMax: 1 });
    for (const reason of ["forbidden", "throttled", "malformed"] as const)
      await expect(pace.ask(failing(reason).question, never)).rejects.toMatchObject({ reason });
    const ending = new AbortController();
    const hungUp = pace.ask(async () => {
      ending.abort();
      throw new Error("aborted");
    }, ending.signal);
    await expect(hungUp).rejects.toMatchObject({ reason: "interrupted" });
    expect(await pace.ask(async () => "asked", never)).toBe("asked");
  });
});

describe("questions wait for each other", () => {
  test("no more are under way at once than may be, and all are asked", async () => {
    const pace = createPace({ ...quick, atOnceMax: 2 });
    let under = 0;
    let most = 0;
    const ask = async (): Promise<void> => {
      under += 1;
      most = Math.max(most, under);
      await new Promise((resolve) => setImmediate(resolve));
      under -= 1;
    };
    await Promise.all(Array.from({ length: 20 }, () => pace.ask(ask, never)));
    expect([most, under]).toEqual([2, 0]);
  });

  test("no more wait than may, and who leaves the queue leaves their place", async () => {
    const pace = createPace({ ...quick, atOnceMax: 1, waitingMax: 1 });
    const { promise, resolve } = Promise.withResolvers<string>();
    const first = pace.ask(() => promise, never);
    const ending = new AbortController();
    const second = pace.ask(async () => "second", ending.signal);
    await expect(createPace({ ...quick, attemptsMax: 1 }).ask(async () => "elsewhere", never)).resolves.toBe(
      "elsewhere",
    );
    ending.abort();
    await expect(second).rejects.toMatchObject({ reason: "interrupted" });
    const third = pace.ask(async () => "third", never);
    resolve("first");
    expect(await Promise.all([first, third])).toEqual(["first", "third"]);
  });

  test("in a full queue, one more is told so", async () => {
    const pace = createPace({ ...quick, atOnceMax: 1, waitingMax: 1, attemptsMax: 1 });
    const { promise, resolve } = Promise.withResolvers<string>();
    const kept = [pace.ask(() => promise, never), pace.ask(async () => "second", never)];
    await expect(pace.ask(async () => "third", never)).rejects.toMatchObject({ reason: "throttled" });
    resolve("first");
    expect(await Promise.all(kept)).toEqual(["first", "second"]);
  });

  test("beyond the burst they are asked one after the other, as the bucket refills", async () => {
    const { clock, asked } = steppingClock();
    const pace = createPace({ ...quick, perSec: 1_000, burst: 2 }, { clock });
    for (let question = 0; question < 5; question += 1) await pace.ask(asked, never);
    expect(asked.at).toEqual([0, 0, 1, 2, 3]);
  });

  test("nobody asks while one was asked to wait, and what an answer said of the budget counts as that", async () => {
    const { clock, asked } = steppingClock();
    const pace = createPace(quick, { clock });
    let refused = false;
    const throttled = async () => {
      if (!refused) {
        refused = true;
        throw new ProviderFailure("throttled", "later", 2);
      }
      return asked();
    };
    await pace.ask(throttled, never);
    pace.pause(3);
    await pace.ask(asked, never);
    // However long the budget needs, nobody waits longer than that: the next answer says how it stands.
    pace.pause(10_000);
    await pace.ask(asked, never);
    expect(asked.at).toEqual([2_000, 5_000, 5_000 + quick.pauseSecMax * 1_000]);
  });

  test("a question that takes too long is ended, and says so", async () => {
    const pace = createPace({ ...quick, attemptsMax: 1, timeoutMs: 20 });
    const question = (signal: AbortSignal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    await expect(pace.ask(question, never)).rejects.toMatchObject({
      reason: "unreachable",
      message: "it did not answer within 0.02 s",
    });
  });
});
