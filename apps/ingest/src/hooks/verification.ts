import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { DirectoryError } from "@rollcall/core/domain";

/** One answer for whatever is not verified, so that nobody learns what was wrong with it. */
export function unverified(): DirectoryError {
  return new DirectoryError("unauthenticated", "the delivery could not be verified");
}

/** Whether two texts are the same, in a time that tells nothing of where they differ. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(createHash("sha256").update(a).digest(), createHash("sha256").update(b).digest());
}

/** Whether a value that was sent is one of the secrets. */
export function isSecret(sent: string | undefined, secrets: readonly string[]): boolean {
  // Every secret is compared, so that the time does not tell which it was.
  return sent !== undefined && secrets.filter((secret) => sameText(sent, secret)).length > 0;
}

export function hmacSha256(key: string | Buffer, signed: string | Buffer, encoding: "hex" | "base64"): string {
  return createHmac("sha256", key).update(signed).digest(encoding);
}

/** Throws where a signature was made too long before or after now, for then it may be a replay. */
export function requireFresh(signedAtMs: number, receivedAt: Date, toleranceSec: number): void {
  if (!(Math.abs(receivedAt.getTime() - signedAtMs) <= toleranceSec * 1_000)) throw unverified();
}
