/** What is remembered, and what the memory keeps with it: one object, so that finding it costs one look into memory. */
export type Rememberable = {
  readonly token: string;
  /** The memory's own. */
  hash?: number;
  used?: boolean;
};

export type TokenMemory<E extends Rememberable> = {
  readonly recall: (token: string) => E | undefined;
  readonly remember: (entry: E) => void;
  readonly forget: (token: string) => void;
  readonly size: () => number;
};

/** The end of a token is the end of its signature, and looks like chance: a hash needs no more of it. */
const hashedLetters = 16;
const nowhere = -1;
/** On average; a memory full of longer tokens holds fewer. */
const lettersPerToken = 2_048;

/**
 * Remembers at most `countMax` tokens and lets go of those unused for longest, roughly: a hand goes round
 * and takes the first that was not used since it last passed. A look-up hashes sixteen letters and compares
 * one token whole; a Map would hash a thousand. Only tokens that were verified come in here, so nobody
 * chooses what their hashes are.
 */
export function createTokenMemory<E extends Rememberable>(countMax: number): TokenMemory<E> {
  const slots = Array.from({ length: slotCount(countMax) }, (): E | undefined => undefined);
  const mask = slots.length - 1;
  let size = 0;
  let letters = 0;
  let hand = 0;

  const drop = (slot: number): void => {
    size -= 1;
    letters -= (slots[slot] as E).token.length;
    closeGap(slots, mask, slot);
  };
  const isFull = (token: string): boolean =>
    size >= countMax || (size > 0 && letters + token.length > countMax * lettersPerToken);
  const makeRoom = (): void => {
    for (;;) {
      hand = (hand + 1) & mask;
      const candidate = slots[hand];
      if (candidate === undefined) continue;
      if (candidate.used !== true) return drop(hand);
      candidate.used = false;
    }
  };

  return {
    recall: (token) => {
      const slot = slotOf(slots, mask, token, hashOf(token));
      if (slot === nowhere) return undefined;
      const found = slots[slot] as E;
      found.used = true;
      return found;
    },
    remember: (entry) => {
      if (countMax === 0) return;
      const hash = hashOf(entry.token);
      const before = slotOf(slots, mask, entry.token, hash);
      if (before !== nowhere) drop(before);
      while (isFull(entry.token)) makeRoom();
      entry.hash = hash;
      // New ones count as unused: tokens that come once do not drive out those that come back.
      entry.used = false;
      let slot = hash & mask;
      while (slots[slot] !== undefined) slot = (slot + 1) & mask;
      slots[slot] = entry;
      size += 1;
      letters += entry.token.length;
    },
    forget: (token) => {
      const slot = slotOf(slots, mask, token, hashOf(token));
      if (slot !== nowhere) drop(slot);
    },
    size: () => size,
  };
}

/** A power of two, at least twice as many as tokens, so that searches are short. */
function slotCount(countMax: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, countMax) * 2));
}

function hashOf(token: string): number {
  let hash = token.length;
  for (let at = Math.max(0, token.length - hashedLetters); at < token.length; at += 1) {
    hash = Math.imul(hash ^ token.charCodeAt(at), 0x9e37_79b1);
  }
  return hash ^ (hash >>> 15);
}

function slotOf(slots: readonly (Rememberable | undefined)[], mask: number, token: string, hash: number): number {
  for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
    const candidate = slots[slot];
    if (candidate === undefined) return nowhere;
    if (candidate.hash === hash && candidate.token === token) return slot;
  }
}

/** Empties a slot and moves followers back over it, so that every search still finds its token. */
function closeGap(slots: (Rememberable | undefined)[], mask: number, gap: number): void {
  let hole = gap;
  for (let at = (hole + 1) & mask; slots[at] !== undefined; at = (at + 1) & mask) {
    const home = ((slots[at] as Rememberable).hash ?? 0) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots[hole] = slots[at];
    hole = at;
  }
  slots[hole] = undefined;
}
