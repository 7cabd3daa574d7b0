import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import type { AdminRole, Connection } from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import { createLookup } from "./credential-lookup.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

export type Purpose = "scim" | "feed" | "ssf" | "admin";

/** What a token of an application may do with its streams: look and collect, or also change them. */
export type StreamScope = "ssf.read" | "ssf.manage";

/** Whom a bearer token speaks for. An operator of the whole house has no tenant. */
export type Bearer = {
  readonly credentialId: string;
  readonly purpose: Purpose;
  readonly tenantId: string | undefined;
  /** For SCIM: the connection that the token names. */
  readonly connection: Connection | undefined;
  /** For SCIM: the one directory user that the token speaks for; undefined where it speaks for the connection. */
  readonly userId: string | undefined;
  /** For the feed: the token reads subjects by their hashes alone. */
  readonly hashed: boolean;
  /** For SSF: the application whose streams they are, and what the token may do with them. */
  readonly receiver: string | undefined;
  readonly scopes: readonly StreamScope[];
  /** For an admin: what the token may do in its tenant. */
  readonly role: AdminRole;
  readonly label: string;
};

export type NewCredential = {
  readonly purpose: Purpose;
  readonly tenantId: string | undefined;
  readonly connectionId?: string;
  /** A living user of the connection. Their token works while they may enter, and dies with them. */
  readonly userId?: string;
  readonly hashed?: boolean;
  readonly receiver?: string;
  readonly scopes?: readonly StreamScope[];
  /** For an admin of one tenant; `admin` where nothing is said. */
  readonly role?: AdminRole;
  readonly label: string;
  readonly expiresAt?: Date;
};

export type Credentials = {
  /** Makes a token and answers it once; only its keyed digest is kept. */
  issue(credential: NewCredential): Promise<{ readonly id: string; readonly token: string }>;
  /**
   * Undefined for every token that is not alive for this purpose: unknown, wrong, expired and revoked
   * answer alike, and so does that of a user who may not enter. Throws `unavailable` for a token that
   * was never seen here, while too many of those are being asked about.
   */
  authenticate(token: string, purpose: Purpose): Promise<Bearer | undefined>;
  /** Whether the token that a bearer was let in by still lives: for those who have waited since. */
  isAlive(bearer: Pick<Bearer, "credentialId">): Promise<boolean>;
  /** A key of the house for one purpose: 32 bytes, the same in every process, that tell nothing of any other. */
  keyFor(purpose: string): Buffer;
};

type CredentialRow = Omit<ConnectionRow, "id" | "tenant_id"> & {
  credential_id: string;
  credential_tenant_id: string | null;
  user_id: string | null;
  hashed: boolean;
  receiver: string | null;
  scopes: StreamScope[];
  role: AdminRole;
  label: string;
  purpose: Purpose;
  digest: Buffer;
  /** Its last use was noted a while ago. */
  unnoted: boolean;
  id: string | null;
  tenant_id: string | null;
};

const tokenShape = /^rc_(scim|feed|ssf|admin)_([0-9a-f]{16})_([\w-]{43})$/;

// That there is no such token is believed for so long: ids are random, and nobody has one before it exists.
const absentMs = 10_000;
// That a user may not enter is believed no longer than that they may.
const standingMs = 1_000;
// When a token was last used is noted once in so long: often enough to see who is silent.
const noteUseSec = 300;

/** Bearer tokens: 256 random bits, stored as HMAC-SHA-256 under the house secret, compared in constant time. */
export function createCredentials(database: Database, secret: string, now: () => number): Credentials {
  const digestOf = (token: string): Buffer => createHmac("sha256", secret).update(token).digest();
  const nobody = digestOf("nobody");
  const credentials = createLookup((id) => readCredential(database, id), now, absentMs);
  const standings = createLookup((key) => readStanding(database, key), now, standingMs);
  const mayEnter = async (row: CredentialRow): Promise<boolean> =>
    row.user_id === null || (await standings.find(standingKey(row))) !== undefined;

  return {
    issue: async (credential) => {
      const id = randomBytes(8).toString("hex");
      const token = `rc_${credential.purpose}_${id}_${randomBytes(32).toString("base64url")}`;
      await database.house(sql`
        INSERT INTO credential (id, tenant_id, connection_id, user_id, hashed, receiver, scopes, role, purpose, label, digest, expires_at)
        VALUES (${id}, ${credential.tenantId ?? null}, ${credential.connectionId ?? null}, ${credential.userId ?? null}, ${credential.hashed ?? false}, ${credential.receiver ?? null}, ${credential.scopes ?? []}::text[], ${credential.role ?? "admin"}, ${credential.purpose},
          ${credential.label}, ${digestOf(token)}, ${credential.expiresAt ?? null})`);
      return { id, token };
    },
    keyFor: (purpose) => Buffer.from(hkdfSync("sha256", secret, "", `rollcall ${purpose}`, 32)),
    authenticate: async (token, purpose) => {
      const [, , id] = tokenShape.exec(token) ?? [];
      const row = id === undefined ? undefined : await credentials.find(id);
      const matches = timingSafeEqual(row?.digest ?? nobody, digestOf(token));
      if (row === undefined || !matches || row.purpose !== purpose) return undefined;
      if (row.unnoted) await noteUse(database, row.credential_id);
      // Asked by holders of the right token alone: strangers never come as far as this.
      if (!(await mayEnter(row))) return undefined;
      return {
        credentialId: row.credential_id,
        purpose,
        tenantId: row.credential_tenant_id ?? undefined,
        connection: row.id === null ? undefined : toConnection(row as ConnectionRow),
        userId: row.user_id ?? undefined,
        hashed: row.hashed,
        receiver: row.receiver ?? undefined,
        scopes: row.scopes,
        role: row.role,
        label: row.label,
      };
    },
    isAlive: async ({ credentialId }) => {
      const row = await credentials.find(credentialId);
      return row !== undefined && (await mayEnter(row));
    },
  };
}

async function readCredential(database: Database, id: string): Promise<CredentialRow | undefined> {
  const [row] = await database.house<CredentialRow>(sql`
    SELECT credential.id AS credential_id, credential.tenant_id AS credential_tenant_id, credential.user_id, credential.hashed, credential.receiver, credential.scopes, credential.role, credential.label, credential.purpose, credential.digest,
      coalesce(credential.last_used_at < now() - ${noteUseSec} * interval '1 second', true) AS unnoted, ${connectionColumns}
    FROM credential LEFT JOIN connection ON connection.id = credential.connection_id
    WHERE credential.id = ${id} AND credential.revoked_at IS NULL AND (credential.expires_at IS NULL OR credential.expires_at > now())`);
  return row;
}

/** By whoever holds the right token alone. Of several at once one notes it. */
async function noteUse(database: Database, id: string): Promise<void> {
  await database.house(sql`
    UPDATE credential SET last_used_at = now()
    WHERE id = ${id} AND coalesce(last_used_at < now() - ${noteUseSec} * interval '1 second', true)`);
}

function standingKey(row: CredentialRow): string {
  return [row.credential_tenant_id, row.id, row.user_id].join(" ");
}

/** True where the user of a credential lives and nobody denies them; undefined where not. */
async function readStanding(database: Database, key: string): Promise<true | undefined> {
  const [tenantId = "", connectionId, userId] = key.split(" ");
  const rows = await database.once(
    tenantId,
    sql`SELECT FROM directory_user AS usr
      WHERE id = ${userId} AND connection_id = ${connectionId} AND deleted_at IS NULL AND active AND NOT EXISTS (
        SELECT FROM link JOIN denial ON denial.user_id = link.user_id WHERE link.directory_user_id = usr.id
      )`,
  );
  return rows.length === 1 ? true : undefined;
}
