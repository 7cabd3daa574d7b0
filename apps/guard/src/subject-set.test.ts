import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createSubjectSet, type SubjectSet } from "./subject-set.ts";
import { bytesHeld } from "./testing/bytes-held.ts";

/** Hashes that differ late, so that they crowd into few buckets. */
const crowded = (key: number): Buffer => {
  const hash = Buffer.alloc(16, key % 3);
  hash.writeUInt32BE(key, 12);
  return hash;
};
const spread = (key: number): Buffer => createHash("sha256").update(String(key)).digest().subarray(0, 16);

function sumOf(hashes: Iterable<Buffer>): string {
  let sum = 0n;
  for (const hash of hashes) sum = (sum + BigInt(`0x${hash.toString("hex")}`)) % (1n << 128n);
  return Buffer.from(sum.toString(16).padStart(32, "0"), "hex").toString("base64url");
}

function expectAgreement(
  set: SubjectSet,
  model: ReadonlySet<number>,
  keys: number,
  hashOf: (key: number) => Buffer,
): void {
  expect(set.size()).toBe(model.size);
  expect(set.digest()).toBe(sumOf([...model].map(hashOf)));
  for (let key = 0; key < keys; key += 1) expect(set.has(hashOf(key))).toBe(model.has(key));
}

test("whatever is added and removed in whatever order, the set holds what a Set holds", () => {
  const step = fc.record({ key: fc.integer({ min: 0, max: 80 }), add: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), fc.constantFrom(crowded, spread), (steps, hashOf) => {
      const set = createSubjectSet();
      const model = new Set<number>();
      for (const { key, add } of steps) {
        if (add) set.add(hashOf(key));
        else set.remove(hashOf(key));
        if (add) model.add(key);
        else model.delete(key);
      }
      expectAgreement(set, model, 81, hashOf);
    }),
    { numRuns: 200 },
  );
});

test("buckets split as often as they must, and none is lost", () => {
  const narrow = (key: number): Buffer => Buffer.concat([Buffer.of(0x7f), spread(key)]).subarray(0, 16);
  for (const hashOf of [narrow, spread]) {
    const set = createSubjectSet();
    const model = new Set<number>();
    for (let key = 0; key < 30_000; key += 1) {
      set.add(hashOf(key));
      model.add(key);
    }
    for (let key = 0; key < 30_000; key += 3) {
      set.remove(hashOf(key));
      model.delete(key);
    }
    expectAgreement(set, model, 30_000, hashOf);
  }
});

test("a hash that differs in one bit, the first or the last, is another", () => {
  const set = createSubjectSet();
  const hash = randomBytes(16);
  set.add(hash);
  for (let bit = 0; bit < 128; bit += 1) {
    const other = Buffer.from(hash);
    other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(set.has(other)).toBe(false);
  }
  expect(set.has(hash)).toBe(true);
});

test.each([true, false])(
  "a subject costs at most 16 bytes, whether or not they were expected (%s)",
  async (areExpected) => {
    const count = 400_000;
    const hashes = randomBytes(count * 16);
    const before = await bytesHeld();
    const set = createSubjectSet(areExpected ? count : 0);
    for (let at = 0; at < hashes.length; at += 16) set.add(hashes.subarray(at, at + 16));
    expect(((await bytesHeld()) - before) / count).toBeLessThanOrEqual(16);
    expect(set.size()).toBe(count);
  },
);
