import { createHmac, randomBytes } from "node:crypto";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** The feed of all tenants is kept under the one UUID that no tenant has (RFC 9562 §5.9). */
export const houseFeedId = "00000000-0000-0000-0000-000000000000";

/** No tenant's slug begins with an underscore. */
export const houseFeedName = "_all";

/** What the log's key names: a user, a session, one token, a tenant of the issuer, or the whole issuer. */
export type FeedScope = "sub" | "sid" | "jti" | "tenant" | "iss";

/** The state that an entry leaves behind for its key. */
export type EntryState = {
  readonly op: "deny" | "nbf" | "allow";
  readonly scope: FeedScope;
  readonly iss: string;
  readonly sub: string;
  /** In the feed of all tenants, the tenant whose tokens it strikes. */
  readonly tid?: string;
  readonly nbf?: number;
  readonly exp?: number;
};

/** A feed is named after its tenant. */
export async function feedName(database: Database, feedId: string): Promise<string | undefined> {
  if (feedId === houseFeedId) return houseFeedName;
  const [row] = await database.once<{ slug: string }>(feedId, sql`SELECT slug FROM tenant`);
  return row?.slug;
}

/** Begins a feed's log; one that has begun stays as it is. */
export async function beginFeed(database: Database, feedId: string): Promise<void> {
  const zero = Buffer.alloc(32);
  await database.once(
    feedId,
    sql`INSERT INTO feed_meta (tenant_id, digest, hashed_digest, subject_key) VALUES (${feedId}, ${zero}, ${zero}, ${randomBytes(32)})
      ON CONFLICT DO NOTHING`,
  );
}

/** The key under which a feed's hashes are made; gateways that follow it hashed have to be given it. */
export async function readSubjectKey(database: Database, feedId: string): Promise<Buffer> {
  for (;;) {
    const [row] = await database.once<{ subject_key: Buffer }>(feedId, sql`SELECT subject_key FROM feed_meta`);
    if (row !== undefined) return row.subject_key;
    await beginFeed(database, feedId);
  }
}

/** 16 bytes, which only somebody with the key can connect with a subject. */
export function hashSubject(subjectKey: Buffer, iss: string, sub: string): Buffer {
  return createHmac("sha256", subjectKey).update(`${iss}\0${sub}`).digest().subarray(0, 16);
}

/** The entry as a hashed feed tells it. Tenants and issuers are nobody's name, and stay as they are. */
export function hashedEntry<Entry extends Pick<EntryState, "scope" | "iss" | "sub">>(
  subjectKey: Buffer,
  entry: Entry,
): Entry {
  if (entry.scope === "tenant" || entry.scope === "iss") return entry;
  return { ...entry, sub: hashSubject(subjectKey, entry.iss, entry.sub).toString("base64url") };
}
