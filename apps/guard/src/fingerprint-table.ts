import type { Fingerprint } from "./fingerprint.ts";

/** What is known of one key. Times are NumericDates. */
export type KeyState = {
  readonly denies: boolean;
  readonly nbf?: number | undefined;
  readonly exp?: number | undefined;
};

/** Where a key's state lies; holds until the next `set`, `delete` or `reserve`. */
export type Place = number;

export type FingerprintTable = {
  /** The place of a key, or -1. */
  readonly find: (print: Fingerprint) => Place;
  readonly denies: (place: Place) => boolean;
  readonly nbf: (place: Place) => number | undefined;
  readonly exp: (place: Place) => number | undefined;
  readonly set: (print: Fingerprint, state: KeyState) => void;
  readonly delete: (print: Fingerprint) => void;
  /** Makes room for so many keys at once, so that loading them does not grow the table step by step. */
  readonly reserve: (count: number) => void;
  readonly size: () => number;
};

/**
 * One part of the table. A slot has a tag of one byte, zero where it is empty; two words of fingerprint,
 * of which the highest bit says `deny`; and two dates. A search reads tags, and the rest only where the tag
 * fits, so that the usual answer, not there, reads a tenth of the memory.
 */
type Shard = { slots: number; size: number; tags: Uint8Array; prints: Int32Array; dates: Uint32Array };

const shardBits = 6;
const shardCount = 1 << shardBits;
const shardMask = shardCount - 1;
/** The highest bit of a fingerprint gives way to `deny`: 63 bits tell keys apart. */
const denyBit = 1 << 31;
const printMask = ~denyBit;
const slotsMin = 8;
const fullShare = 0.75;
const growth = 1.35;
const reservedShare = 0.7;
const emptyShare = 0.2;
const afterShrinkShare = 0.5;
const dateAbsent = 0xffff_ffff;
const dateElsewhere = 0xffff_fffe;

/**
 * A table from fingerprints to states in 17 bytes a slot, 23 to 31 bytes a key: open addressing with
 * linear probing, in 64 shards, so that growing a table of a million moves sixteen thousand keys at a time
 * and holds requests up for a millisecond. Deletion moves followers back instead of leaving marks that would slow misses.
 */
export function createFingerprintTable(): FingerprintTable {
  const shards = Array.from({ length: shardCount }, () => createShard(0));
  /** Dates that are no whole seconds of 1970 to 2106; a feed may sign them, and its digest covers them. */
  const oddDates = new Map<string, Pick<KeyState, "nbf" | "exp">>();
  let size = 0;

  const shardOf = ({ hi }: Fingerprint): Shard => shards[hi & shardMask] as Shard;
  const dateAt = (place: Place, which: 0 | 1): number | undefined => {
    const { prints, dates } = shards[place & shardMask] as Shard;
    const at = (place >>> shardBits) * 2;
    const date = dates[at + which] as number;
    if (date === dateAbsent) return undefined;
    if (date !== dateElsewhere) return date;
    const odd = oddDates.get(oddKey(prints[at] as number, prints[at + 1] as number));
    return which === 0 ? odd?.nbf : odd?.exp;
  };
  const drop = (print: Fingerprint): void => {
    const shard = shardOf(print);
    const at = slotOf(shard, print);
    if (at === -1) return;
    if (oddDates.size > 0) oddDates.delete(oddKey(print.lo, print.hi));
    removeAt(shard, at);
    size -= 1;
    if (shard.slots > slotsMin && shard.size < shard.slots * emptyShare)
      resize(shard, Math.max(slotsMin, Math.ceil(shard.size / afterShrinkShare)));
  };

  return {
    find: (print) => {
      const at = slotOf(shardOf(print), print);
      return at === -1 ? -1 : at * shardCount + (print.hi & shardMask);
    },
    denies: (place) => {
      const { prints } = shards[place & shardMask] as Shard;
      return (prints[(place >>> shardBits) * 2 + 1] as number) < 0;
    },
    nbf: (place) => dateAt(place, 0),
    exp: (place) => dateAt(place, 1),
    set: (print, state) => {
      drop(print);
      const shard = shardOf(print);
      if (shard.size + 1 > shard.slots * fullShare) resize(shard, Math.max(slotsMin, Math.ceil(shard.slots * growth)));
      const high = (print.hi & printMask) | (state.denies ? denyBit : 0);
      const [nbf, exp] = [dateWord(state.nbf), dateWord(state.exp)];
      insert(shard, print.lo, high, nbf, exp);
      if (nbf === dateElsewhere || exp === dateElsewhere) oddDates.set(oddKey(print.lo, high), state);
      size += 1;
    },
    delete: drop,
    reserve: (count) => {
      const slots = Math.ceil(count / shardCount / reservedShare);
      for (const shard of shards) if (shard.slots < slots) resize(shard, Math.max(slotsMin, slots));
    },
    size: () => size,
  };
}

function createShard(slots: number): Shard {
  return {
    slots,
    size: 0,
    tags: new Uint8Array(slots),
    prints: new Int32Array(slots * 2),
    dates: new Uint32Array(slots * 2),
  };
}

/** Bits that choose neither shard nor home, so that neighbours differ in them. Zero marks an empty slot. */
function tagOf(high: number): number {
  return (high >>> 16) & 0xff || 1;
}

/** Where a key's search begins: its lower word, spread over however many slots there are. */
function homeOf(low: number, slots: number): number {
  return Math.floor(((low >>> 0) * slots) / 0x1_0000_0000);
}

function slotOf({ slots, tags, prints }: Shard, { lo, hi }: Fingerprint): number {
  if (slots === 0) return -1;
  const wanted = tagOf(hi);
  for (let at = homeOf(lo, slots); ; at = at + 1 === slots ? 0 : at + 1) {
    const tag = tags[at] as number;
    if (tag === 0) return -1;
    if (tag !== wanted || prints[at * 2] !== lo) continue;
    if ((((prints[at * 2 + 1] as number) ^ hi) & printMask) === 0) return at;
  }
}

function insert(shard: Shard, low: number, high: number, nbf: number, exp: number): void {
  const { slots, tags, prints, dates } = shard;
  let at = homeOf(low, slots);
  while (tags[at] !== 0) at = at + 1 === slots ? 0 : at + 1;
  tags[at] = tagOf(high);
  prints[at * 2] = low;
  prints[at * 2 + 1] = high;
  dates[at * 2] = nbf;
  dates[at * 2 + 1] = exp;
  shard.size += 1;
}

/** Empties a slot, and moves back whoever was pushed past it, so that every search still finds its key. */
function removeAt(shard: Shard, from: number): void {
  const { slots, tags, prints, dates } = shard;
  let hole = from;
  for (let at = hole + 1 === slots ? 0 : hole + 1; tags[at] !== 0; at = at + 1 === slots ? 0 : at + 1) {
    const home = homeOf(prints[at * 2] as number, slots);
    // Round the end of the slots, a key may move back to the hole unless its home lies after it.
    if ((at - home + slots) % slots < (at - hole + slots) % slots) continue;
    tags[hole] = tags[at] as number;
    prints.copyWithin(hole * 2, at * 2, at * 2 + 2);
    dates.copyWithin(hole * 2, at * 2, at * 2 + 2);
    hole = at;
  }
  tags[hole] = 0;
  shard.size -= 1;
}

function resize(shard: Shard, slots: number): void {
  const { slots: before, tags, prints, dates } = shard;
  Object.assign(shard, createShard(slots));
  for (let at = 0; at < before; at += 1) {
    if (tags[at] === 0) continue;
    const [low, high] = [prints[at * 2] as number, prints[at * 2 + 1] as number];
    insert(shard, low, high, dates[at * 2] as number, dates[at * 2 + 1] as number);
  }
}

function dateWord(date: number | undefined): number {
  if (date === undefined) return dateAbsent;
  return Number.isInteger(date) && date >= 0 && date < dateElsewhere ? date : dateElsewhere;
}

function oddKey(low: number, high: number): string {
  return `${low}:${high & printMask}`;
}
