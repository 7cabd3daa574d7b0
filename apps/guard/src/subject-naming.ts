import { createHmac } from "node:crypto";
import { malformed } from "./feed-content.ts";
import { FeedError } from "./feed-error.ts";
import { type HashedBy, subjectHash } from "./wire.ts";

/** What a feed calls a subject of an issuer. */
export type SubjectNaming = (iss: string, sub: string) => string;

export const hashBytes = 16;

export const plainNaming: SubjectNaming = (_iss, sub) => sub;

/** How a hashed feed names subjects (wire.ts, `subjectHash`). */
export function hashedNaming(subjectKey: Buffer): SubjectNaming {
  return (iss, sub) => hashSubject(subjectKey, iss, sub).toString("base64url");
}

/** 16 bytes, which only somebody with the key can connect with a subject. */
export function hashSubject(subjectKey: Buffer, iss: string, sub: string): Buffer {
  return createHmac("sha256", subjectKey).update(`${iss}\0${sub}`).digest().subarray(0, hashBytes);
}

/** What a body says of its names, where they are hashed under this key. */
export function hashedBy(subjectKey: Buffer): HashedBy {
  return { hash: subjectHash, hash_key: hashedNaming(subjectKey)("", "") };
}

/**
 * Whether a body's names are hashed. Throws unless they are hashed as this guard hashes: under another hash
 * or key nobody would be matched, and everybody would pass.
 */
export function isHashed(body: Partial<HashedBy>, subjectKey: Buffer | undefined): boolean {
  if (body.hash === undefined) return false;
  if (body.hash !== subjectHash) malformed("subjects are named by a hash of another kind");
  if (subjectKey === undefined)
    throw new FeedError("subject_key_missing", "the feed hashes its subjects: give the guard feed.subjectKey");
  if (body.hash_key !== hashedBy(subjectKey).hash_key)
    throw new FeedError("subject_key_wrong", "the feed hashes its subjects under another key than feed.subjectKey");
  return true;
}
