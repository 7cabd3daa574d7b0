import { randomBytes, randomUUID } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createRevocations, createSubjectSet } from "@rollcall/guard/measuring";
import { benchIssuer } from "./guard-tokens.ts";
import { p50, round } from "./statistics.ts";

type Revocations = ReturnType<typeof createRevocations>;
type Subject = Parameters<Revocations["judge"]>[0];

const entriesMax = 1_000_000;
const batch = 200;
const liveTokens = 8_000;

/**
 * The revocation check on its own, at a million entries: of a token seen for the first time, whose subject
 * is hashed for it, and of one among 8,000 that are remembered, as on every later request. And memory.
 */
export async function measureTables(quick: boolean, say: (line: string) => void): Promise<Record<string, number>> {
  const perSubject = subjectBytes();
  const { revocations, bytes } = hold();
  const rounds = quick ? 200 : 1_000;
  const live = Array.from({ length: liveTokens }, subject);
  for (const one of live) revocations.judge(one, 0);
  const again = checkUs(revocations, rounds, (at) => live[(at * 7_919) % live.length] as Subject);
  const first = checkUs(revocations, rounds, subject);
  const figures = {
    check_1m_us: round(again),
    check_1m_first_us: round(first),
    bytes_per_entry: round(bytes),
    bytes_per_subject: round(perSubject),
  };
  say(
    `check at ${entriesMax} entries       ${again.toFixed(2)} µs of a remembered token, ${first.toFixed(2)} µs of a new one`,
  );
  say(
    `memory                       ${figures.bytes_per_entry} bytes an entry, ${figures.bytes_per_subject} a known subject`,
  );
  return figures;
}

/** Grown as a feed grows, one by one, so that the memory is not that of a table made to measure. */
function hold(): { readonly revocations: Revocations; readonly bytes: number } {
  const before = bytesHeld();
  const revocations = createRevocations();
  for (let at = 0; at < entriesMax; at += 1)
    revocations.apply({ op: "deny", scope: "sub", iss: benchIssuer, sub: randomUUID(), exp: 2_000_000_000 });
  return { revocations, bytes: (bytesHeld() - before) / entriesMax };
}

function checkUs(revocations: Revocations, rounds: number, next: (at: number) => Subject): number {
  const times: number[] = [];
  for (let at = 0; at < rounds; at += 1) {
    const subjects = Array.from({ length: batch }, (_, index) => next(at * batch + index));
    const startedAt = performance.now();
    for (const one of subjects)
      if (revocations.judge(one, 0) !== undefined) throw new Error("a subject that nobody denied was refused");
    times.push(((performance.now() - startedAt) * 1_000) / batch);
  }
  return p50(times.slice(rounds / 10));
}

function subjectBytes(): number {
  const hashes = randomBytes(entriesMax * 16);
  const before = bytesHeld();
  const set = createSubjectSet();
  for (let at = 0; at < hashes.length; at += 16) set.add(hashes.subarray(at, at + 16));
  const bytes = (bytesHeld() - before) / entriesMax;
  // Asked after the memory was counted, so that neither was collected before.
  if (set.size() !== entriesMax || !set.has(hashes.subarray(0, 16))) throw new Error("a subject was lost");
  return bytes;
}

function subject(): Subject {
  // A copy as fresh as one that was read from a token.
  const sub = Buffer.from(randomUUID(), "latin1").toString("latin1");
  return { iss: benchIssuer, sub, subKey: sub, iat: 1_700_000_000, exp: 2_000_000_000, jti: "t", sid: "s" };
}

function bytesHeld(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What the first collection frees may hold what only the second one finds.
  collect();
  collect();
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  return arrayBuffers + heapUsed;
}
