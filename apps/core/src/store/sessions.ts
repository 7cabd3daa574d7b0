import { createHmac, randomBytes } from "node:crypto";
import type { AdminRole } from "../domain/index.ts";
import { auditStatement } from "./audit.ts";
import type { Database } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** Somebody who comes with an identity provider's word. */
export type AdminPerson = {
  readonly issuer: string;
  readonly subject: string;
  /** How the audit names them. */
  readonly name: string;
};

/** Whom a session speaks for. */
export type AdminSession = {
  /** What the audit knows them by: the credential's id, or `person:` and the person's. */
  readonly actor: string;
  readonly label: string;
  readonly operator: boolean;
  /** By the tenant's id. */
  readonly roles: Readonly<Record<string, AdminRole>>;
};

export type NewSession =
  /** A token was exchanged for it: it may what the token may, and ends with it. */
  | { readonly credentialId: string; readonly tenantId: string | undefined }
  | {
      readonly person: AdminPerson;
      readonly operator: boolean;
      readonly roles: Readonly<Record<string, AdminRole>>;
    };

export type Sessions = {
  /** Begins a session and answers its id once; only a keyed digest of it is kept. */
  begin(session: NewSession): Promise<{ readonly id: string; readonly endsAt: Date }>;
  /** Undefined for every id that is of no live session; unknown, ended and left too long answer alike. */
  find(id: string, isUse: boolean): Promise<AdminSession | undefined>;
  /** Ends a session at once, in every process. Whether there was one. */
  end(id: string): Promise<boolean>;
};

/** Who leaves the browser open is asked again after so long, and everybody after so long. */
const sessionIdleSec = 30 * 60;
const sessionSecMax = 12 * 3_600;

export const sessionPurpose = "admin sessions";

// Noted no oftener: reading would write otherwise.
const notedSec = 60;
const idShape = /^[\w-]{43}$/;
// What has ended answers nobody any more; for so long it may be looked into.
const keptDays = 30;

type SessionRow = {
  person_id: string | null;
  credential_id: string | null;
  operator: boolean;
  roles: Record<string, AdminRole>;
  name: string | null;
  label: string | null;
  role: AdminRole | null;
  tenant_id: string | null;
};

/** Sessions of people in browsers: 256 random bits, of which a digest under a key of the house is kept. */
export function createSessions(database: Database, key: Buffer, now: () => number, newId: () => string): Sessions {
  const digestOf = (id: string): Buffer => createHmac("sha256", key).update(id).digest();
  return {
    begin: async (session) => {
      const id = randomBytes(32).toString("base64url");
      const atMs = now();
      const endsAt = new Date(atMs + sessionSecMax * 1_000);
      await database.house(sql`DELETE FROM admin_session WHERE ends_at < now() - ${keptDays} * interval '1 day'`);
      await database.house(
        "person" in session
          ? beginForPerson(digestOf(id), newId(), session, new Date(atMs), endsAt)
          : beginForToken(digestOf(id), session, new Date(atMs), endsAt),
      );
      return { id, endsAt };
    },
    find: async (id, isUse) => {
      if (!idShape.test(id)) return undefined;
      const [row] = await database.house<SessionRow>(findStatement(digestOf(id), new Date(now()), isUse));
      return row && toSession(row);
    },
    end: async (id) => {
      if (!idShape.test(id)) return false;
      const rows = await database.house(endStatement(digestOf(id), new Date(now())));
      return rows.length > 0;
    },
  };
}

function beginForToken(
  digest: Buffer,
  { credentialId, tenantId }: Extract<NewSession, { credentialId: string }>,
  at: Date,
  endsAt: Date,
): Sql {
  const entry = { actor: credentialId, action: "session.begin", target: credentialId, detail: { by: "token" } };
  return sql`
    WITH session AS (
      INSERT INTO admin_session (digest, credential_id, operator, used_at, ends_at) VALUES (${digest}, ${credentialId}, false, ${at}, ${endsAt}) RETURNING digest
    )
    ${auditStatement(tenantId, entry, sql`FROM session`)}`;
}

function beginForPerson(
  digest: Buffer,
  newPersonId: string,
  { person, operator, roles }: Extract<NewSession, { person: AdminPerson }>,
  at: Date,
  endsAt: Date,
): Sql {
  const tenants = Object.keys(roles);
  // Of an operator, and of somebody with several tenants, the house alone is told.
  const tenantId = operator || tenants.length > 1 ? null : (tenants[0] ?? null);
  const detail = JSON.stringify({ by: "oidc", operator, tenants: tenants.length });
  return sql`
    WITH person AS (
      INSERT INTO admin_person AS known (id, issuer, subject, name, operator, seen_at)
      VALUES (${newPersonId}, ${person.issuer}, ${person.subject}, ${person.name}, ${operator}, ${at})
      ON CONFLICT (issuer, subject) DO UPDATE SET name = excluded.name, operator = excluded.operator, seen_at = excluded.seen_at
      RETURNING known.id
    ), session AS (
      INSERT INTO admin_session (digest, person_id, operator, roles, used_at, ends_at)
      SELECT ${digest}, id, ${operator}, ${JSON.stringify(roles)}::jsonb, ${at}, ${endsAt} FROM person RETURNING person_id
    )
    INSERT INTO audit (tenant_id, actor, action, target, detail)
    SELECT ${tenantId}::uuid, 'person:' || person_id, 'session.begin', 'person:' || person_id, ${detail}::jsonb FROM session`;
}

function living(digest: Buffer, at: Date): Sql {
  return sql`session.digest = ${digest} AND session.ended_at IS NULL AND session.ends_at > ${at}::timestamptz
    AND session.used_at > ${at}::timestamptz - ${sessionIdleSec} * interval '1 second'`;
}

/** A session of a token may what the token may now, and nothing once that is revoked. */
function findStatement(digest: Buffer, at: Date, isUse: boolean): Sql {
  return sql`
    WITH noted AS (
      UPDATE admin_session AS session SET used_at = ${at}::timestamptz
      WHERE ${isUse}::boolean AND ${living(digest, at)} AND session.used_at < ${at}::timestamptz - ${notedSec} * interval '1 second'
    )
    SELECT session.person_id, session.credential_id, session.operator, session.roles, person.name, credential.label, credential.role, credential.tenant_id
    FROM admin_session AS session
      LEFT JOIN admin_person AS person ON person.id = session.person_id
      LEFT JOIN credential ON credential.id = session.credential_id AND credential.revoked_at IS NULL AND (credential.expires_at IS NULL OR credential.expires_at > ${at}::timestamptz)
    WHERE ${living(digest, at)} AND (person.id IS NOT NULL OR credential.id IS NOT NULL)`;
}

function endStatement(digest: Buffer, at: Date): Sql {
  return sql`
    WITH session AS (
      UPDATE admin_session AS session SET ended_at = ${at} WHERE ${living(digest, at)} RETURNING credential_id, person_id, operator, roles
    ), audited AS (
      INSERT INTO audit (tenant_id, actor, action, target)
      SELECT CASE
          WHEN session.credential_id IS NOT NULL THEN credential.tenant_id
          WHEN NOT session.operator THEN (SELECT min(held.id)::uuid FROM jsonb_object_keys(session.roles) AS held(id) HAVING count(*) = 1)
        END, who.actor, 'session.end', who.actor
      FROM session LEFT JOIN credential ON credential.id = session.credential_id,
        LATERAL (SELECT coalesce(session.credential_id, 'person:' || session.person_id)) AS who(actor)
    )
    SELECT credential_id FROM session`;
}

function toSession(row: SessionRow): AdminSession {
  if (row.person_id !== null)
    return { actor: `person:${row.person_id}`, label: row.name ?? "", operator: row.operator, roles: row.roles };
  return {
    actor: row.credential_id ?? "",
    label: row.label ?? "",
    operator: row.tenant_id === null,
    roles: row.tenant_id === null || row.role === null ? {} : { [row.tenant_id]: row.role },
  };
}
