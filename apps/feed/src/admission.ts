import { FeedRefusal } from "./errors.ts";

export type Admission = {
  /** Counts a request of a token. Throws `rate_limited` with the seconds after which there is room again. */
  admit(credentialId: string): void;
  /** Counts a snapshot that has to be made for a token, which costs more than any other answer. */
  admitWork(credentialId: string): void;
  /** A place to wait in, and how to leave it; undefined where all are taken. */
  place(): (() => void) | undefined;
};

export type AdmissionLimits = {
  /** How many requests one token may make in a second; twice as many at once. */
  readonly requestsPerSec: number;
  /** How many polls and streams may wait at once, of all tokens. */
  readonly waitingMax: number;
};

const snapshotsPerSec = 0.5;
const snapshotsAtOnceMax = 10;
const rememberedMax = 10_000;

/** What this process lets in, so that one token cannot keep the others waiting. */
export function createAdmission({ requestsPerSec, waitingMax }: AdmissionLimits, now: () => number): Admission {
  const requests = createBuckets(requestsPerSec, requestsPerSec * 2, now);
  const work = createBuckets(snapshotsPerSec, snapshotsAtOnceMax, now);
  let waiting = 0;
  return {
    admit: requests,
    admitWork: work,
    place: () => {
      if (waiting >= waitingMax) return undefined;
      waiting += 1;
      let left = false;
      return () => {
        if (!left) waiting -= 1;
        left = true;
      };
    },
  };
}

/** For each key a bucket that fills with time; taking from an empty one is refused. */
function createBuckets(perSec: number, most: number, now: () => number): (key: string) => void {
  const buckets = new Map<string, { left: number; atMs: number }>();
  return (key) => {
    const atMs = now();
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { left: most, atMs };
      buckets.set(key, bucket);
      if (buckets.size > rememberedMax) buckets.delete(buckets.keys().next().value as string);
    }
    bucket.left = Math.min(most, bucket.left + (Math.max(0, atMs - bucket.atMs) * perSec) / 1_000);
    bucket.atMs = atMs;
    if (bucket.left < 1)
      throw new FeedRefusal("rate_limited", { retryAfterSec: Math.max(1, Math.ceil((1 - bucket.left) / perSec)) });
    bucket.left -= 1;
  };
}
