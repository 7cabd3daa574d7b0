import fc from "fast-check";
import { expect, test } from "vitest";
import { createFingerprinter, type Fingerprint } from "./fingerprint.ts";
import { createFingerprintTable, type KeyState } from "./fingerprint-table.ts";
import { bytesHeld } from "./testing/bytes-held.ts";

type Table = ReturnType<typeof createFingerprintTable>;
type Step = { readonly key: number; readonly state: KeyState | undefined };

/** Keys that crowd: few low words next to each other at both ends of the range, few tags, all in two shards. */
const crowded = (key: number): Fingerprint => ({
  lo: [0, 1, 2, -1, -2, 0x7fff_ffff][key % 6] as number,
  hi: (key % 2) + (key % 3) * 0x1_0000 + key * 0x100_0000,
});
const date = fc.oneof(
  fc.constant(undefined),
  fc.integer({ min: 0, max: 0xffff_ffff }),
  fc.constantFrom(0xffff_fffe, 0xffff_ffff, 0.5, -1, 1e15),
);
const state = fc.record({ denies: fc.boolean(), nbf: date, exp: date });
const steps = fc.array(
  fc.record({ key: fc.integer({ min: 0, max: 60 }), state: fc.option(state, { nil: undefined }) }),
  {
    maxLength: 400,
  },
);

function read(table: Table, print: Fingerprint): KeyState | undefined {
  const place = table.find(print);
  return place === -1 ? undefined : { denies: table.denies(place), nbf: table.nbf(place), exp: table.exp(place) };
}

function expectAgreement(
  table: Table,
  model: ReadonlyMap<number, KeyState>,
  keys: number,
  print: (key: number) => Fingerprint,
) {
  expect(table.size()).toBe(model.size);
  for (let key = 0; key <= keys; key += 1) expect(read(table, print(key))).toEqual(model.get(key));
}

function run(
  table: Table,
  model: Map<number, KeyState>,
  { key, state: next }: Step,
  print: (key: number) => Fingerprint,
) {
  if (next === undefined) {
    table.delete(print(key));
    model.delete(key);
  } else {
    table.set(print(key), next);
    model.set(key, next);
  }
}

test("whatever is set and deleted in whatever order, the table holds what a Map holds", () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const table = createFingerprintTable();
      const model = new Map<number, KeyState>();
      for (const step of taken) run(table, model, step, crowded);
      expectAgreement(table, model, 60, crowded);
    }),
    { numRuns: 300 },
  );
});

test("a table that grew to a hundred thousand keys and shrank again lost none and kept none", () => {
  const fingerprint = createFingerprinter();
  const print = (key: number): Fingerprint => fingerprint(`subject-${key}`, 1);
  const table = createFingerprintTable();
  const count = 100_000;
  for (let key = 0; key < count; key += 1) table.set(print(key), { denies: key % 3 === 0, nbf: key, exp: undefined });
  expect(table.size()).toBe(count);
  for (let key = 0; key < count; key += 7)
    expect(read(table, print(key))).toEqual({ denies: key % 3 === 0, nbf: key, exp: undefined });
  for (let key = count; key < count + 10_000; key += 1) expect(table.find(print(key))).toBe(-1);
  for (let key = 0; key < count; key += 1) if (key % 100 !== 0) table.delete(print(key));
  expect(table.size()).toBe(count / 100);
  for (let key = 0; key < count; key += 50) expect(table.find(print(key)) === -1).toBe(key % 100 !== 0);
});

test("room that was reserved changes nothing that is held", () => {
  const table = createFingerprintTable();
  const model = new Map<number, KeyState>();
  for (let key = 0; key < 40; key += 1)
    run(table, model, { key, state: { denies: true, nbf: key, exp: 0.5 } }, crowded);
  table.reserve(50_000);
  expectAgreement(table, model, 60, crowded);
  table.reserve(1);
  expectAgreement(table, model, 60, crowded);
});

test("an entry costs at most 32 bytes, however the table came to its size", async () => {
  for (const count of [100_000, 130_000, 183_000]) {
    const fingerprint = createFingerprinter();
    const before = await bytesHeld();
    const table = createFingerprintTable();
    for (let key = 0; key < count; key += 1)
      table.set(fingerprint(String(key), 1), { denies: true, nbf: key, exp: key });
    const bytes = ((await bytesHeld()) - before) / count;
    expect(bytes).toBeLessThanOrEqual(32);
    expect(table.size()).toBe(count);
  }
});
