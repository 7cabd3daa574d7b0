import { randomFillSync } from "node:crypto";

/** 64 bits that stand for a text: two signed halves, so that V8 keeps them as small integers. */
export type Fingerprint = { readonly lo: number; readonly hi: number };

/** The fingerprint of a text that follows another one; `label` keeps texts of different kinds apart. */
export type Fingerprinter = (text: string, label: number, after?: Fingerprint) => Fingerprint;

const empty: Fingerprint = { lo: 0, hi: 0 };
const compressionRounds = 1;
const finalRounds = 3;

/**
 * SipHash-1-3 (Aumasson and Bernstein, 2012) under a secret of its own. Without the secret nobody can
 * look for two subjects with one fingerprint, so nobody can have an innocent refused in another's place.
 */
export function createFingerprinter(secret: Int32Array = randomFillSync(new Int32Array(4))): Fingerprinter {
  const [k0, k1, k2, k3] = secret as unknown as readonly [number, number, number, number];
  return (text, label, after = empty) => sipHash(k0, k1, k2, k3, text, label, after);
}

/**
 * Hashes three things one after the other: what came before, the label with the text's length, and the
 * text's UTF-16 units, four to a block. The length comes first, so no two inputs have the same blocks.
 * 64-bit words are two 32-bit halves; the carry out of a sum is computed without leaving 32 bits.
 */
function sipHash(
  k0: number,
  k1: number,
  k2: number,
  k3: number,
  text: string,
  label: number,
  after: Fingerprint,
): Fingerprint {
  let [al, ah, bl, bh] = [k0 ^ 0x70736575, k1 ^ 0x736f6d65, k2 ^ 0x6e646f6d, k3 ^ 0x646f7261];
  let [cl, ch, dl, dh] = [k0 ^ 0x6e657261, k1 ^ 0x6c796765, k2 ^ 0x79746573, k3 ^ 0x74656462];
  const { length } = text;
  const blocks = 2 + ((length + 3) >> 2);
  for (let block = 0; block <= blocks; block += 1) {
    const at = (block - 2) << 2;
    const ml = block === 0 ? after.lo : block === 1 ? label : unitsAt(text, at);
    const mh = block === 0 ? after.hi : block === 1 ? length : unitsAt(text, at + 2);
    if (block === blocks) cl ^= 0xff;
    dl ^= ml;
    dh ^= mh;
    for (let round = block === blocks ? finalRounds : compressionRounds; round > 0; round -= 1) {
      let sum = (al + bl) | 0;
      ah = (ah + bh + (((al & bl) | ((al | bl) & ~sum)) >>> 31)) | 0;
      let high = (bh << 13) | (bl >>> 19);
      bl = ((bl << 13) | (bh >>> 19)) ^ sum;
      bh = high ^ ah;
      al = ah;
      ah = sum;
      sum = (cl + dl) | 0;
      ch = (ch + dh + (((cl & dl) | ((cl | dl) & ~sum)) >>> 31)) | 0;
      cl = sum;
      high = (dh << 16) | (dl >>> 16);
      dl = ((dl << 16) | (dh >>> 16)) ^ cl;
      dh = high ^ ch;
      sum = (al + dl) | 0;
      ah = (ah + dh + (((al & dl) | ((al | dl) & ~sum)) >>> 31)) | 0;
      al = sum;
      high = (dh << 21) | (dl >>> 11);
      dl = ((dl << 21) | (dh >>> 11)) ^ al;
      dh = high ^ ah;
      sum = (cl + bl) | 0;
      ch = (ch + bh + (((cl & bl) | ((cl | bl) & ~sum)) >>> 31)) | 0;
      high = (bh << 17) | (bl >>> 15);
      bl = ((bl << 17) | (bh >>> 15)) ^ sum;
      bh = high ^ ch;
      cl = ch;
      ch = sum;
    }
    al ^= ml;
    ah ^= mh;
  }
  return { lo: al ^ bl ^ cl ^ dl, hi: ah ^ bh ^ ch ^ dh };
}

/** Two UTF-16 units; zero past the end. */
function unitsAt(text: string, at: number): number {
  const { length } = text;
  if (at + 1 < length) return text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
  return at < length ? text.charCodeAt(at) : 0;
}
