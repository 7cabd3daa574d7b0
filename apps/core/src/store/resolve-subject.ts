import {
  type Candidate,
  type Connection,
  decideResolution,
  isServiceSubject,
  type Resolution,
  subjectKey,
} from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { belonging } from "./nesting.ts";
import { sql } from "./sql.ts";
import { findHolders, readConnectionsNaming, subjectKeys } from "./subject-holders.ts";

export type ResolvedSubject =
  | {
      readonly status: "active";
      readonly userId: string;
      readonly userName: string;
      readonly groups: readonly string[];
    }
  | Exclude<Resolution, { readonly status: "active" }>;

type OwnerRow = {
  directory_user_id: string;
  user_id: string;
  sub_key: string;
  connection_id: string;
  active: boolean;
  deleted: boolean;
  by_admin: boolean;
};

/**
 * Whom a verified subject names now. A joiner whom the directory
 * has accepted is never unknown, though no worker has come to it yet; a leaver whom it has accepted
 * is refused, though none has.
 */
export async function resolveSubject(
  database: Database,
  tenantId: string,
  iss: string,
  sub: string,
): Promise<ResolvedSubject> {
  return database.inTenant(tenantId, (transaction) => resolveWithin(transaction, tenantId, iss, sub));
}

/** The same, as a transaction sees it that has more to do. */
export async function resolveWithin(
  transaction: Transaction,
  tenantId: string,
  iss: string,
  sub: string,
): Promise<ResolvedSubject> {
  const connections = await readConnectionsNaming(transaction, iss);
  const keys = subjectKeys(connections, sub);
  const [revoked, owner, holders] = await Promise.all([
    readRevoked(transaction, tenantId, iss, keys),
    readOwner(transaction, connections, iss, sub, keys),
    findHolders(transaction, connections, sub),
  ]);
  const candidates = owner === undefined ? holders : [owner, ...holders];
  const denials = await readDenials(
    transaction,
    candidates.map(({ userId }) => userId),
  );
  const issuerKnown = connections.length > 0;
  const isService = issuerKnown && connections.every((connection) => isServiceSubject(connection, sub));
  const resolution = decideResolution({ issuerKnown, isService, revoked, owner, holders, denials });
  if (resolution.status !== "active") return resolution;
  return {
    status: "active",
    userId: resolution.userId,
    ...(await readProfile(transaction, resolution.userId, resolution.directoryUserId)),
  };
}

async function readRevoked(
  transaction: Transaction,
  tenantId: string,
  iss: string,
  keys: readonly string[],
): Promise<string | undefined> {
  const [row] = await transaction.query<{ reason: string }>(sql`
    SELECT reason FROM revocation
    WHERE tenant_id = ${tenantId} AND deny AND (expires_at IS NULL OR expires_at > now())
      AND ((scope = 'sub' AND iss = ${iss} AND sub = ANY(${keys}::text[])) OR (scope = 'iss' AND iss = ${iss}))
    ORDER BY scope DESC LIMIT 1`);
  return row?.reason;
}

/** The identity's owner in the directory's present state. An alias owns a subject only where nobody owns it by name. */
async function readOwner(
  transaction: Transaction,
  connections: readonly Connection[],
  iss: string,
  sub: string,
  keys: readonly string[],
): Promise<(Candidate & { readonly byAdmin: boolean }) | undefined> {
  const rows = await transaction.query<OwnerRow>(sql`
    SELECT identity.directory_user_id, identity.user_id, identity.sub_key, usr.connection_id, usr.active, usr.deleted_at IS NOT NULL AS deleted,
      identity.linked_at IS NOT NULL AS by_admin
    FROM identity JOIN directory_user AS usr ON usr.id = identity.directory_user_id
    WHERE identity.iss = ${iss} AND identity.sub_key = ANY(${keys}::text[])
    ORDER BY identity.alias, identity.sub_key`);
  const compareOf = new Map(connections.map((connection) => [connection.id, connection.subjectCompare]));
  const row = rows.find(
    (candidate) => candidate.sub_key === subjectKey(compareOf.get(candidate.connection_id) ?? "exact", sub),
  );
  return (
    row && {
      directoryUserId: row.directory_user_id,
      userId: row.user_id,
      active: row.active,
      deleted: row.deleted,
      byAdmin: row.by_admin,
    }
  );
}

/** What stands, and what the directory says of whoever else is linked to the user, applied or not: a denial of one denies the person. */
async function readDenials(
  transaction: Transaction,
  userIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const rows = await transaction.query<{ user_id: string; reasons: string[] }>(sql`
    SELECT user_id, array_agg(reason) AS reasons FROM (
      SELECT user_id, reason FROM denial WHERE user_id = ANY(${userIds}::uuid[])
      UNION SELECT link.user_id, CASE WHEN usr.deleted_at IS NULL THEN 'idp_inactive' ELSE 'idp_deleted' END
      FROM link JOIN directory_user AS usr ON usr.id = link.directory_user_id
      WHERE link.user_id = ANY(${userIds}::uuid[]) AND (usr.deleted_at IS NOT NULL OR NOT usr.active)
    ) AS standing GROUP BY user_id`);
  return new Map(rows.map((row) => [row.user_id, row.reasons]));
}

/** Name and groups: the application's where it has them, else the directory's, which it is about to have. */
async function readProfile(
  transaction: Transaction,
  userId: string,
  directoryUserId: string,
): Promise<{ readonly userName: string; readonly groups: readonly string[] }> {
  const [row] = await transaction.query<{ user_name: string; groups: string[] }>(sql`
    SELECT coalesce(app_user.user_name, usr.user_name) AS user_name,
      CASE WHEN coalesce(link.applied_version, 0) > 0
        THEN ARRAY(SELECT DISTINCT grp.display_name FROM app_group_member AS member JOIN app_group AS grp ON grp.id = member.group_id
          WHERE member.user_id = ${userId} ORDER BY 1)
        ELSE ARRAY(SELECT DISTINCT grp.display_name FROM (${belonging([directoryUserId])}) AS belonging JOIN directory_group AS grp ON grp.id = belonging.group_id
          WHERE grp.deleted_at IS NULL ORDER BY 1)
      END AS groups
    FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id LEFT JOIN app_user ON app_user.id = ${userId}
    WHERE usr.id = ${directoryUserId}`);
  if (row === undefined) throw new Error(`directory user ${directoryUserId} has no row`);
  return { userName: row.user_name, groups: row.groups };
}
