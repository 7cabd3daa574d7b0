import fc from "fast-check";
import { expect, test } from "vitest";
import { createFingerprinter, type Fingerprint } from "./fingerprint.ts";

const mask = (1n << 64n) - 1n;
const text = fc.string({ unit: "binary", maxLength: 40 });

test("fingerprints are SipHash-1-3's, by an implementation that has nothing in common with this one", () => {
  fc.assert(
    fc.property(
      fc.int32Array({ minLength: 4, maxLength: 4 }),
      text,
      fc.integer(),
      fc.integer(),
      fc.integer(),
      (secret, ...input) => {
        const [value, label, lo, hi] = input;
        const print = createFingerprinter(secret)(value, label, { lo, hi });
        expect(asBigInt(print)).toBe(reference(secret, value, label, { lo, hi }));
      },
    ),
    { numRuns: 500 },
  );
});

test("the reference is SipHash: its rounds give the published vector of SipHash-2-4", () => {
  const key = [...new Uint8Array(16).keys()];
  const message = [...new Uint8Array(15).keys()];
  const secret = new Int32Array(Uint8Array.from(key).buffer);
  const blocks = [wordOf(message.slice(0, 8)), wordOf([...message.slice(8), 15])];
  expect(sipHash(secret, blocks, 2, 4)).toBe(0xa129ca6149be45e5n);
});

test("another secret, text, label or predecessor is another fingerprint", () => {
  const secret = new Int32Array([1, 2, 3, 4]);
  const print = createFingerprinter(secret);
  const others = [
    createFingerprinter(new Int32Array([1, 2, 3, 5]))("ada", 1),
    createFingerprinter()("ada", 1),
    print("adb", 1),
    print("ada\0", 1),
    print("", 1),
    print("ada", 2),
    print("ada", 1, { lo: 0, hi: 1 }),
    print("ada", 1),
  ];
  expect(new Set(others.map(asBigInt)).size).toBe(others.length);
});

function asBigInt({ lo, hi }: Fingerprint): bigint {
  return (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
}

function reference(secret: Int32Array, value: string, label: number, after: Fingerprint): bigint {
  const blocks = [asBigInt(after), asBigInt({ lo: label, hi: value.length })];
  for (let at = 0; at < value.length; at += 4)
    blocks.push(wordOf([...Buffer.from(value.slice(at, at + 4), "utf16le")]));
  return sipHash(secret, blocks, 1, 3);
}

function wordOf(bytes: readonly number[]): bigint {
  return bytes.reduce((word, byte, at) => word | (BigInt(byte) << BigInt(at * 8)), 0n);
}

/** As in the paper, on 64-bit integers. */
function sipHash(secret: Int32Array, blocks: readonly bigint[], c: number, d: number): bigint {
  const [k0, k1] = [new Int32Array([secret[0]!, secret[1]!]), new Int32Array([secret[2]!, secret[3]!])].map((half) =>
    wordOf([...new Uint8Array(half.buffer)]),
  ) as [bigint, bigint];
  let v: [bigint, bigint, bigint, bigint] = [
    k0 ^ 0x736f6d6570736575n,
    k1 ^ 0x646f72616e646f6dn,
    k0 ^ 0x6c7967656e657261n,
    k1 ^ 0x7465646279746573n,
  ];
  for (const block of blocks) {
    v[3] ^= block;
    for (let round = 0; round < c; round += 1) v = sipRound(...v);
    v[0] ^= block;
  }
  v[2] ^= 0xffn;
  for (let round = 0; round < d; round += 1) v = sipRound(...v);
  return v[0] ^ v[1] ^ v[2] ^ v[3];
}

function sipRound(v0: bigint, v1: bigint, v2: bigint, v3: bigint): [bigint, bigint, bigint, bigint] {
  const rotated = (word: bigint, by: bigint): bigint => ((word << by) | (word >> (64n - by))) & mask;
  v0 = (v0 + v1) & mask;
  v2 = (v2 + v3) & mask;
  v1 = rotated(v1, 13n) ^ v0;
  v3 = rotated(v3, 16n) ^ v2;
  v0 = rotated(v0, 32n);
  v2 = (v2 + v1) & mask;
  v0 = (v0 + v3) & mask;
  v1 = rotated(v1, 17n) ^ v2;
  v3 = rotated(v3, 21n) ^ v0;
  return [v0, v1, rotated(v2, 32n), v3];
}
