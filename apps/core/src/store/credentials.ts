import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Connection } from "../domain/index.ts";
import { type ConnectionRow, connectionColumns, toConnection } from "./connections.ts";
import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

export type Purpose = "scim" | "feed" | "admin";

/** Whom a bearer token speaks for. An operator of the whole house has no tenant. */
export type Bearer = {
  readonly credentialId: string;
  readonly purpose: Purpose;
  readonly tenantId: string | undefined;
  /** For SCIM: the connection that the token names. */
  readonly connection: Connection | undefined;
};

export type NewCredential = {
  readonly purpose: Purpose;
  readonly tenantId: string | undefined;
  readonly connectionId?: string;
  readonly label: string;
  readonly expiresAt?: Date;
};

export type Credentials = {
  /** Makes a token and answers it once; only its keyed digest is kept. */
  issue(credential: NewCredential): Promise<{ readonly id: string; readonly token: string }>;
  /** Undefined for every token that is not alive for this purpose: unknown, wrong, expired and revoked answer alike. */
  authenticate(token: string, purpose: Purpose): Promise<Bearer | undefined>;
};

type CredentialRow = Omit<ConnectionRow, "id" | "tenant_id"> & {
  credential_id: string;
  credential_tenant_id: string | null;
  purpose: Purpose;
  digest: Buffer;
  id: string | null;
  tenant_id: string | null;
};

const tokenShape = /^rc_(scim|feed|admin)_([0-9a-f]{16})_([\w-]{43})$/;

// A revoked token dies everywhere within this; it spares most requests a look-up.
const rememberMs = 1_000;
const rememberMax = 10_000;

/** Bearer tokens: 256 random bits, stored as HMAC-SHA-256 under the house secret, compared in constant time. */
export function createCredentials(database: Database, secret: string, now: () => number): Credentials {
  const remembered = new Map<string, { readonly row: CredentialRow | undefined; readonly untilMs: number }>();
  const digestOf = (token: string): Buffer => createHmac("sha256", secret).update(token).digest();
  const nobody = digestOf("nobody");

  async function look(id: string): Promise<CredentialRow | undefined> {
    const known = remembered.get(id);
    if (known !== undefined && known.untilMs > now()) return known.row;
    const [row] = await database.house<CredentialRow>(sql`
      SELECT credential.id AS credential_id, credential.tenant_id AS credential_tenant_id, credential.purpose, credential.digest, ${connectionColumns}
      FROM credential LEFT JOIN connection ON connection.id = credential.connection_id
      WHERE credential.id = ${id} AND credential.revoked_at IS NULL AND (credential.expires_at IS NULL OR credential.expires_at > now())`);
    if (remembered.size >= rememberMax) remembered.clear();
    if (row !== undefined) remembered.set(id, { row, untilMs: now() + rememberMs });
    return row;
  }

  return {
    issue: async (credential) => {
      const id = randomBytes(8).toString("hex");
      const token = `rc_${credential.purpose}_${id}_${randomBytes(32).toString("base64url")}`;
      await database.house(sql`
        INSERT INTO credential (id, tenant_id, connection_id, purpose, label, digest, expires_at)
        VALUES (${id}, ${credential.tenantId ?? null}, ${credential.connectionId ?? null}, ${credential.purpose}, ${credential.label},
          ${digestOf(token)}, ${credential.expiresAt ?? null})`);
      return { id, token };
    },
    authenticate: async (token, purpose) => {
      const [, , id] = tokenShape.exec(token) ?? [];
      const row = id === undefined ? undefined : await look(id);
      const matches = timingSafeEqual(row?.digest ?? nobody, digestOf(token));
      if (row === undefined || !matches || row.purpose !== purpose) return undefined;
      return {
        credentialId: row.credential_id,
        purpose,
        tenantId: row.credential_tenant_id ?? undefined,
        connection: row.id === null ? undefined : toConnection(row as ConnectionRow),
      };
    },
  };
}
