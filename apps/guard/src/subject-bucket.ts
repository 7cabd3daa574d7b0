/** Hashes that share their leading bits, sorted. A row leaves out a hash's first byte, which `bits` covers. */
export type Bucket = { readonly bits: number; count: number; rows: Uint8Array };

export const bitsMin = 8;
const rowBytes = 15;
const rowsMax = 4_096;
/** Room for one row in 64 more, so that an addition seldom moves a bucket, and a row never costs a byte more. */
const slack = 1 / 64;

export function createBucket(bits: number, rows = 0): Bucket {
  return { bits, count: 0, rows: new Uint8Array(rows * rowBytes) };
}

export function isFull({ count }: Bucket): boolean {
  return count >= rowsMax;
}

/** Where a hash is, or one less than the negative of where it would be. */
export function rowOf({ rows, count }: Bucket, hash: Uint8Array): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = compare(rows, middle * rowBytes, hash);
    if (order === 0) return middle;
    if (order < 0) low = middle + 1;
    else high = middle;
  }
  return -low - 1;
}

export function insertRow(bucket: Bucket, row: number, hash: Uint8Array): void {
  const end = bucket.count * rowBytes;
  if (end === bucket.rows.length) {
    const larger = new Uint8Array((bucket.count + 1 + Math.ceil(bucket.count * slack)) * rowBytes);
    larger.set(bucket.rows);
    bucket.rows = larger;
  }
  const at = row * rowBytes;
  bucket.rows.copyWithin(at + rowBytes, at, end);
  bucket.rows.set(hash.subarray(1, 1 + rowBytes), at);
  bucket.count += 1;
}

export function removeRow(bucket: Bucket, row: number): void {
  bucket.rows.copyWithin(row * rowBytes, (row + 1) * rowBytes, bucket.count * rowBytes);
  bucket.count -= 1;
  const rowsHeld = bucket.rows.length / rowBytes;
  // What was removed by the thousand gives its memory back.
  if (bucket.count < rowsHeld / 2) bucket.rows = bucket.rows.slice(0, bucket.count * rowBytes);
}

/** The hashes of a bucket whose next bit is 0, and those whose next bit is 1. */
export function splitBucket({ bits, count, rows }: Bucket): readonly [Bucket, Bucket] {
  const byte = (bits - bitsMin) >> 3;
  const mask = 0x80 >> ((bits - bitsMin) & 7);
  let border = 0;
  while (border < count && ((rows[border * rowBytes + byte] as number) & mask) === 0) border += 1;
  const part = (from: number, to: number): Bucket => ({
    bits: bits + 1,
    count: to - from,
    rows: rows.slice(from * rowBytes, to * rowBytes),
  });
  return [part(0, border), part(border, count)];
}

function compare(rows: Uint8Array, at: number, hash: Uint8Array): number {
  for (let byte = 0; byte < rowBytes; byte += 1) {
    const order = (rows[at + byte] as number) - (hash[byte + 1] as number);
    if (order !== 0) return order;
  }
  return 0;
}
