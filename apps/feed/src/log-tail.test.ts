import { expect, test } from "vitest";
import type { FeedHead } from "@rollcall/core/store";
import { openLogTail } from "./log-tail.ts";

/** A log whose head the test moves, on a clock of the test's own. */
function scene() {
  let [seq, nowMs] = [1, 1_000_000];
  const head = (): FeedHead => ({
    epoch: 1,
    seq,
    floorSeq: 0,
    entries: 0,
    digest: Buffer.alloc(32),
    hashedDigest: undefined,
    asOf: new Date(nowMs),
  });
  const tail = openLogTail<{ readonly seq: number }>({
    readNews: async () => ({ head: head(), entries: [] }),
    onRolledBack: async () => undefined,
    now: () => nowMs,
  });
  const seen = async (): Promise<number> => (await tail.present()).head.seq;
  return { seen, grow: () => (seq += 1), pass: (ms: number) => (nowMs += ms) };
}

test("what was read is shown for a second, and read again after it", async () => {
  const { seen, grow, pass } = scene();
  expect(await seen()).toBe(1);
  grow();
  pass(999);
  expect(await seen()).toBe(1);
  pass(1);
  expect(await seen()).toBe(2);
});

test("what was read is shown for no longer because the clock was put back", async () => {
  const { seen, grow, pass } = scene();
  expect(await seen()).toBe(1);
  grow();
  pass(-3_600_000);
  expect(await seen()).toBe(2);
});
