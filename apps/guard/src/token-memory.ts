export type TokenMemory<V> = {
  readonly recall: (token: string) => V | undefined;
  readonly remember: (token: string, value: V) => void;
  readonly forget: (token: string) => void;
  readonly size: () => number;
};

/** The end of a token is the end of its signature, and looks like chance: a hash needs no more of it. */
const hashedLetters = 16;
const free = -1;
/** On average; a memory full of longer tokens holds fewer. */
const lettersPerToken = 2_048;

type Held<V> = { readonly token: string; readonly value: V; readonly hash: number; used: boolean };

/**
 * Remembers at most `countMax` tokens and lets go of those unused for longest, roughly: a hand goes round
 * and takes the first that was not used since it last passed. A look-up hashes sixteen letters and compares
 * one token whole; a Map would hash a thousand. Only tokens that were verified come in here, so nobody
 * chooses what their hashes are.
 */
export function createTokenMemory<V>(countMax: number): TokenMemory<V> {
  const index = createTokenIndex<V>(countMax);
  let letters = 0;
  let hand = 0;

  const drop = (slot: number): void => {
    letters -= index.heldAt(slot).token.length;
    index.remove(slot);
  };
  const isFull = (token: string): boolean =>
    index.size() >= countMax || (index.size() > 0 && letters + token.length > countMax * lettersPerToken);
  const makeRoom = (): void => {
    for (;;) {
      hand = (hand + 1) % index.held.length;
      const candidate = index.held[hand];
      if (candidate === undefined) continue;
      if (!candidate.used) return drop(index.slotOf(candidate.token, candidate.hash));
      candidate.used = false;
    }
  };

  return {
    recall: (token) => {
      const slot = index.slotOf(token, hashOf(token));
      if (slot === free) return undefined;
      const found = index.heldAt(slot);
      found.used = true;
      return found.value;
    },
    remember: (token, value) => {
      if (countMax === 0) return;
      const hash = hashOf(token);
      const before = index.slotOf(token, hash);
      if (before !== free) drop(before);
      while (isFull(token)) makeRoom();
      // New ones count as unused: tokens that come once do not drive out those that come back.
      index.insert({ token, value, hash, used: false });
      letters += token.length;
    },
    forget: (token) => {
      const slot = index.slotOf(token, hashOf(token));
      if (slot !== free) drop(slot);
    },
    size: index.size,
  };
}

/** Where tokens are held, and slots that lead there by hash. */
function createTokenIndex<V>(countMax: number) {
  const held: (Held<V> | undefined)[] = [];
  const vacant: number[] = [];
  const slots = new Int32Array(slotCount(countMax)).fill(free);
  const mask = slots.length - 1;
  const heldAt = (slot: number): Held<V> => held[slots[slot] as number] as Held<V>;

  return {
    held,
    heldAt,
    slotOf: (token: string, hash: number): number => {
      for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
        if (slots[slot] === free) return free;
        if (heldAt(slot).token === token) return slot;
      }
    },
    insert: (one: Held<V>): void => {
      const at = vacant.pop() ?? held.length;
      held[at] = one;
      let slot = one.hash & mask;
      while (slots[slot] !== free) slot = (slot + 1) & mask;
      slots[slot] = at;
    },
    remove: (slot: number): void => {
      const at = slots[slot] as number;
      held[at] = undefined;
      vacant.push(at);
      closeGap(slots, mask, slot, (other) => (held[other] as Held<V>).hash);
    },
    size: () => held.length - vacant.length,
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

/** Empties a slot and moves followers back over it, so that every search still finds its token. */
function closeGap(slots: Int32Array, mask: number, gap: number, hashOfHeld: (index: number) => number): void {
  let hole = gap;
  for (let at = (hole + 1) & mask; slots[at] !== free; at = (at + 1) & mask) {
    const home = hashOfHeld(slots[at] as number) & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    slots[hole] = slots[at] as number;
    hole = at;
  }
  slots[hole] = free;
}
