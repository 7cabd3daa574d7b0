import type { Holding } from "./feed-content.ts";
import { createLimbSum } from "./limb-sum.ts";
import {
  bitsMin,
  type Bucket,
  createBucket,
  insertRow,
  isFull,
  removeRow,
  rowOf,
  splitBucket,
} from "./subject-bucket.ts";
import { hashBytes } from "./subject-naming.ts";

/** Which subjects Rollcall knows, by 16-byte hashes. */
export type SubjectSet = Holding & {
  readonly has: (hash: Uint8Array) => boolean;
  /** To add what is there, or to remove what is not, changes nothing. */
  readonly add: (hash: Uint8Array) => void;
  readonly remove: (hash: Uint8Array) => void;
};

const bitsMax = 20;
const rowsAtFirst = 2_048;

/**
 * A set of 16-byte hashes in less than 16 bytes each, exact: a directory by leading bits, and under it
 * sorted buckets that split in two when they are full. Hashes are an HMAC's, so they spread evenly.
 */
export function createSubjectSet(expected = 0): SubjectSet {
  let bits = bitsFor(expected);
  let buckets = Array.from({ length: 2 ** bits }, () => createBucket(bits, Math.ceil(expected / 2 ** bits)));
  const sum = createLimbSum(hashBytes);
  let size = 0;

  const indexOf = (hash: Uint8Array): number => leadingBits(hash) >>> (24 - bits);
  const bucketOf = (hash: Uint8Array): Bucket => buckets[indexOf(hash)] as Bucket;
  const split = (hash: Uint8Array): void => {
    const bucket = bucketOf(hash);
    if (bucket.bits === bits) {
      buckets = buckets.flatMap((each) => [each, each]);
      bits += 1;
    }
    // All places of the directory that led to the bucket now lead to one half or the other.
    const places = 2 ** (bits - bucket.bits);
    const first = indexOf(hash) - (indexOf(hash) % places);
    const [low, high] = splitBucket(bucket);
    buckets.fill(low, first, first + places / 2).fill(high, first + places / 2, first + places);
  };

  return {
    has: (hash) => rowOf(bucketOf(hash), hash) >= 0,
    add: (hash) => {
      if (rowOf(bucketOf(hash), hash) >= 0) return;
      if (isFull(bucketOf(hash)) && bucketOf(hash).bits < bitsMax) split(hash);
      insertRow(bucketOf(hash), -rowOf(bucketOf(hash), hash) - 1, hash);
      sum.add(hash);
      size += 1;
    },
    remove: (hash) => {
      const row = rowOf(bucketOf(hash), hash);
      if (row < 0) return;
      removeRow(bucketOf(hash), row);
      sum.subtract(hash);
      size -= 1;
    },
    size: () => size,
    digest: sum.text,
  };
}

/** So many bits that buckets begin about half full. */
function bitsFor(expected: number): number {
  return Math.min(bitsMax, Math.max(bitsMin, Math.ceil(Math.log2(Math.max(1, expected) / rowsAtFirst))));
}

/** 24 of them, more than a directory has. */
function leadingBits(hash: Uint8Array): number {
  return ((hash[0] as number) << 16) | ((hash[1] as number) << 8) | (hash[2] as number);
}
