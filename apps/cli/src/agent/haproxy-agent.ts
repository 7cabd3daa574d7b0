import { setTimeout as delay } from "node:timers/promises";
import type { EntryFollower, RevocationEntry } from "@rollcall/guard/entries";
import type { HaproxyMaps } from "./haproxy-maps.ts";
import { cutKey, type CutRow, cutRows, notBeforeOf } from "./cut-row.ts";

export type HaproxyAgentOptions = {
  readonly follow: (onChange: (entries: readonly RevocationEntry[] | undefined) => void) => EntryFollower;
  readonly maps: HaproxyMaps;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

export type HaproxyAgent = {
  /** Follows and writes until it is closed; resolves when the feed has answered once. */
  start(): Promise<void>;
  close(): Promise<void>;
};

const tickMs = 1_000;

/**
 * Keeps HAProxy's maps in step with a feed. HAProxy itself knows until when it may believe them, so an agent
 * that is cut off, stopped or killed leaves a gateway that knows that it is blind.
 */
export function createHaproxyAgent({ follow, maps, now, onError }: HaproxyAgentOptions): HaproxyAgent {
  const closing = new AbortController();
  const waiting = createWaiting();
  let wake = new AbortController();
  let written: Promise<void> = Promise.resolve();
  const follower = follow((entries) => {
    waiting.note(entries);
    if (entries?.length !== 0) wake.abort();
  });

  async function writeOnce(): Promise<void> {
    if (!(await maps.areOurs())) waiting.note(undefined);
    const [nowMs, status, freshForSec] = [now(), follower.status(), follower.freshForSec()];
    // While nothing is held there is nothing to promise: HAProxy goes on refusing, or until what it was told ends.
    if (status === undefined || freshForSec === undefined) return;
    // Taken in one turn with the status: what it speaks of is in these rows, whatever comes while they are written.
    const rows = waiting.take(follower.entries, nowMs / 1_000);
    const untilSec = Math.floor(nowMs / 1_000 + freshForSec);
    if (rows.kind === "all") await maps.replace(rows.rows, untilSec);
    else if (await maps.change(rows.rows)) await maps.holdUntil(untilSec);
    else {
      waiting.note(undefined);
      return writeOnce();
    }
    follower.enforced(status);
  }
  async function write(): Promise<void> {
    while (!closing.signal.aborted) {
      wake = new AbortController();
      try {
        await writeOnce();
      } catch (error) {
        // What was written of it cannot be told: all of it is written again.
        waiting.note(undefined);
        if (!closing.signal.aborted) onError(error as Error);
        wake = new AbortController();
      }
      if (waiting.isEmpty() || waiting.isForAll())
        await delay(tickMs, undefined, { signal: AbortSignal.any([wake.signal, closing.signal]) }).catch(() => {});
    }
  }
  return {
    start: async () => {
      const ready = follower.start();
      written = write();
      await ready;
    },
    close: async () => {
      closing.abort();
      await Promise.all([written, follower.close()]);
    },
  };
}

type Rows = { readonly kind: "all" | "changes"; readonly rows: Iterable<CutRow> };

/** What HAProxy has not been told yet. */
function createWaiting() {
  let all = true;
  const changed = new Map<string, RevocationEntry>();
  /** When the next denial ends by itself. */
  let nextEndSec = Number.POSITIVE_INFINITY;
  let sweptSec = 0;

  const expect = ({ op, exp }: RevocationEntry): void => {
    if (op === "deny" && exp !== undefined) nextEndSec = Math.min(nextEndSec, exp);
  };
  const sweep = (entries: Iterable<RevocationEntry>, nowSec: number): void => {
    nextEndSec = Number.POSITIVE_INFINITY;
    for (const entry of entries) {
      if (entry.op !== "deny" || entry.exp === undefined) continue;
      if (entry.exp > nowSec) expect(entry);
      else if (entry.exp > sweptSec) changed.set(cutKey(entry), entry);
    }
    sweptSec = nowSec;
  };
  return {
    note: (entries: readonly RevocationEntry[] | undefined): void => {
      all ||= entries === undefined;
      for (const entry of entries ?? []) {
        expect(entry);
        changed.set(cutKey(entry), entry);
      }
    },
    isEmpty: () => changed.size === 0 && !all,
    isForAll: () => all,
    take: (held: () => Iterable<RevocationEntry>, nowSec: number): Rows => {
      if (all || nextEndSec <= nowSec) sweep(held(), nowSec);
      const taken = [...changed.values()];
      changed.clear();
      if (all) {
        all = false;
        return { kind: "all", rows: cutRows(held(), nowSec) };
      }
      return { kind: "changes", rows: changedRows(taken, held, nowSec) };
    },
  };
}

/** An issuer's entries share a row, so a change of one is weighed with the others. */
function* changedRows(
  changed: readonly RevocationEntry[],
  held: () => Iterable<RevocationEntry>,
  nowSec: number,
): Generator<CutRow> {
  for (const entry of changed) {
    if (entry.scope !== "iss") {
      yield { key: cutKey(entry), notBefore: notBeforeOf(entry, nowSec) };
      continue;
    }
    let notBefore = 0;
    for (const other of held())
      if (other.scope === "iss" && other.iss === entry.iss) notBefore = Math.max(notBefore, notBeforeOf(other, nowSec));
    yield { key: cutKey(entry), notBefore };
  }
}
