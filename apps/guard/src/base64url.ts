const invalid = 0xff;
const values = new Uint8Array(256).fill(invalid);
const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
for (let value = 0; value < letters.length; value += 1) values[letters.charCodeAt(value)] = value;

/**
 * Decodes base64url (RFC 4648 §5) to the start of `bytes` and returns the length of what it wrote, or -1 for
 * anything but the one spelling an encoder gives: no padding, no other letters, no bits left over (§3.5).
 * Node's own decoder takes all of these, so two tokens could differ and mean the same.
 */
export function decodeBase64url(text: Uint8Array, from: number, to: number, bytes: Uint8Array): number {
  const whole = to - ((to - from) & 3);
  let read = from;
  let written = 0;
  for (; read < whole; read += 4) {
    const a = values[text[read] as number] as number;
    const b = values[text[read + 1] as number] as number;
    const c = values[text[read + 2] as number] as number;
    const d = values[text[read + 3] as number] as number;
    if ((a | b | c | d) > 63) return -1;
    bytes[written] = (a << 2) | (b >> 4);
    bytes[written + 1] = (b << 4) | (c >> 2);
    bytes[written + 2] = (c << 6) | d;
    written += 3;
  }
  const left = to - whole;
  if (left === 0) return written;
  if (left === 1) return -1;
  const a = values[text[read] as number] as number;
  const b = values[text[read + 1] as number] as number;
  const c = left === 3 ? (values[text[read + 2] as number] as number) : 0;
  if ((a | b | c) > 63 || (left === 2 ? b & 15 : c & 3) !== 0) return -1;
  bytes[written] = (a << 2) | (b >> 4);
  if (left === 3) bytes[written + 1] = (b << 4) | (c >> 2);
  return written + left - 1;
}
