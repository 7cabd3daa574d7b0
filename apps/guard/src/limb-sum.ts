/** A sum of equally long big-endian numbers, modulo two to the power of their length in bits. */
export type LimbSum = {
  readonly add: (bytes: Uint8Array) => void;
  readonly subtract: (bytes: Uint8Array) => void;
  /** Base64url. */
  readonly text: () => string;
};

const limbRange = 2 ** 32;
/** So many sums of 32 bits stay exact in a double. */
const pendingMax = 2 ** 20;

/** Sums in limbs of 32 bits whose carries wait, so that a million numbers are added without big integers. */
export function createLimbSum(bytes: number): LimbSum {
  const limbs = new Float64Array(bytes / 4);
  let pending = 0;

  const carry = (): void => {
    let over = 0;
    for (let limb = limbs.length - 1; limb >= 0; limb -= 1) {
      const sum = (limbs[limb] as number) + over;
      over = Math.floor(sum / limbRange);
      limbs[limb] = sum - over * limbRange;
    }
    pending = 0;
  };
  const put = (number: Uint8Array, sign: 1 | -1): void => {
    for (let limb = 0; limb < limbs.length; limb += 1)
      limbs[limb] = (limbs[limb] as number) + sign * wordAt(number, limb * 4);
    pending += 1;
    if (pending === pendingMax) carry();
  };

  return {
    add: (number) => put(number, 1),
    subtract: (number) => put(number, -1),
    text: () => {
      carry();
      const sum = Buffer.alloc(bytes);
      for (const [limb, word] of limbs.entries()) sum.writeUInt32BE(word, limb * 4);
      return sum.toString("base64url");
    },
  };
}

function wordAt(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
