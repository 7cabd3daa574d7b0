import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;

/** What each key is for, for whoever takes it from the house. */
export const secretPurpose = "subscription secrets";
export const sourceSecretPurpose = "source secrets";
export const providerSecretPurpose = "provider secrets";

/**
 * Seals a secret that must be read again, under a key of the house and bound to what it belongs to: a
 * copy of the database alone opens none, and no row opens with another's.
 */
export function sealSecret(key: Buffer, ownerId: string, secret: string): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(ownerId));
  const sealed = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed]);
}

/** Opens what `sealSecret` sealed. Throws where the key or the owner is another. */
export function openSecret(key: Buffer, ownerId: string, sealed: Buffer): string {
  const decipher = createDecipheriv(algorithm, key, sealed.subarray(0, nonceBytes))
    .setAAD(Buffer.from(ownerId))
    .setAuthTag(sealed.subarray(nonceBytes, nonceBytes + tagBytes));
  return Buffer.concat([decipher.update(sealed.subarray(nonceBytes + tagBytes)), decipher.final()]).toString("utf8");
}
