import { DirectoryError } from "./directory-error.ts";

const lengthMax = 1024;
// Controls, format characters (zero-width, bidi), surrogates, private use and line separators:
// nothing a person can see, so two names that look alike would be two users.
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0]/u;

/**
 * The one canonical form of a name that compares without case: NFKC, lower case, one sigma.
 * Idempotent. Throws `value_invalid` for empty, invisible or overlong names.
 */
export function canonicalName(attribute: string, value: string): string {
  const key = foldCase(value);
  if (key.trim() === "") throw new DirectoryError("value_invalid", `${attribute} must not be empty`);
  if (key !== key.trim())
    throw new DirectoryError("value_invalid", `${attribute} must not begin or end with white space`);
  if (key.length > lengthMax)
    throw new DirectoryError("value_invalid", `${attribute} is longer than ${lengthMax} characters`);
  if (invisible.test(key)) throw new DirectoryError("value_invalid", `${attribute} contains an invisible character`);
  return key;
}

// Most names are plain, and of these only the case changes: a fifth of the time, for what is done most.
const plain = /^[ -~]*$/;

/** Case folding for comparison; refuses nothing, so it also serves what a filter asks for. */
export function foldCase(value: string): string {
  if (plain.test(value)) return value.toLowerCase();
  // Lowering can denormalize and normalizing can raise, so both run until neither changes anything.
  let folded = value;
  for (;;) {
    const next = folded.normalize("NFKC").toLowerCase().replaceAll("ς", "σ").normalize("NFKC");
    if (next === folded) return folded;
    folded = next;
  }
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a string could be one of our ids; anything else is "not found" before the database is asked. */
export function isId(value: string): boolean {
  return uuid.test(value);
}
