import {
  canonicalName,
  type Connection,
  deniedBefore,
  DirectoryError,
  type IdpDenial,
  type IssuerUse,
  isProvisioning,
  type ProvisioningRefusal,
  subjectKey,
  type UserAttributes,
} from "../domain/index.ts";
import { recordAudit } from "./audit.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import { lockNames, namesIn, readParked } from "./parked-events.ts";
import { lockProvisioning } from "./provisioned-user.ts";
import { refusalOf } from "./refusal.ts";
import { type ResolvedSubject, resolveSubject, resolveWithin } from "./resolve-subject.ts";
import { type Sql, sql } from "./sql.ts";
import { readConnectionsNaming } from "./subject-holders.ts";

/** What a verified token makes, by a connection's settings. */
export type NewcomerToken = {
  readonly connection: Connection;
  readonly iss: string;
  readonly sub: string;
  readonly attributes: UserAttributes;
};

/** Who asked for it: a gateway's credential, with the ids that the user and the event are to have. */
export type Provisioning = { readonly actor: string; readonly userId: string; readonly eventId: string };

export type Provisioned = ResolvedSubject | ({ readonly status: "unknown" } & ProvisioningRefusal);

const usesMax = 1_000;

/** The tenant's connections that make users from tokens of this issuer; one that is paused makes nobody. */
export async function findProvisioners(
  database: Database,
  tenantId: string,
  iss: string,
): Promise<readonly Connection[]> {
  const naming = await database.inTenant(tenantId, (transaction) => readConnectionsNaming(transaction, iss));
  return naming.filter((connection) => connection.pausedAt === undefined && isProvisioning(connection));
}

/** Everybody who names an issuer: where that is more than one tenant, a token must say whose it is. */
export async function usesOfIssuer(database: Database, iss: string): Promise<readonly IssuerUse[]> {
  const rows = await database.house<{ tenant_id: string; audience: string | null }>(
    sql`SELECT DISTINCT tenant_id, audience FROM connection WHERE ${iss} = ANY(issuers) AND removed_at IS NULL LIMIT ${usesMax}`,
  );
  return rows.map((row) => ({ tenantId: row.tenant_id, audience: row.audience ?? undefined }));
}

/**
 * Makes the user of a token that the caller has verified, in the directory as the provider's own
 * create would, and answers as `resolveSubject` does. Whoever is there already is answered as they
 * are: a leaver's tombstone and a denial stay what they are, and two who come at once make one.
 */
export async function provisionSubject(
  database: Database,
  tenantId: string,
  newcomer: NewcomerToken,
  provisioning: Provisioning,
): Promise<Provisioned> {
  try {
    return await unlessDeadlocked(() =>
      database.inTenant(tenantId, (transaction) => provision(transaction, tenantId, newcomer, provisioning)),
    );
  } catch (error) {
    const refusal = refusalOf(error);
    if (!(refusal instanceof DirectoryError)) throw error;
    // The provider may have come first, with this very person.
    const present = await resolveSubject(database, tenantId, newcomer.iss, newcomer.sub);
    if (!isStranger(present)) return present;
    return { status: "unknown", reason: refusal.code === "user_name_taken" ? refusal.code : "external_id_taken" };
  }
}

async function provision(
  transaction: Transaction,
  tenantId: string,
  { connection, iss, sub, attributes }: NewcomerToken,
  { actor, userId, eventId }: Provisioning,
): Promise<Provisioned> {
  const key = subjectKey(connection.subjectCompare, sub);
  await lockProvisioning(transaction, connection.id, key);
  // Only behind the lock: another gateway, or the provider, may have come first.
  const present = await resolveWithin(transaction, tenantId, iss, sub);
  if (!isStranger(present)) return present;
  const [own] = (await readConnectionsNaming(transaction, iss)).filter(({ id }) => id === connection.id);
  if (own === undefined || !isProvisioning(own)) return { status: "unknown", reason: "just_in_time_off" };
  // Whom the provider's own create would bring back, only that create brings back.
  const [dead] = await transaction.query(findTombstone(connection.id, attributes));
  if (dead !== undefined) return { status: "denied", reason: "idp_deleted" };
  // Whoever tells of them at this moment waits until they are there, or is heard here.
  await lockNames(transaction, connection.id, { ...namesIn(attributes), token: { iss, sub } });
  const reason = await findDenialBefore(transaction, connection.id, { iss, sub }, attributes);
  if (reason !== undefined) return { status: "denied", reason };
  await transaction.query(createStatement(tenantId, connection.id, userId, eventId, key, attributes));
  await recordAudit(transaction, tenantId, {
    actor,
    action: "user.provision",
    target: userId,
    detail: { connection: connection.id },
  });
  return resolveWithin(transaction, tenantId, iss, sub);
}

function isStranger(resolved: ResolvedSubject): boolean {
  return resolved.status === "unknown" && resolved.reason === "never_provisioned";
}

/** Whether whom the attributes would make is somebody already: alive under one of the names, or a tombstone that a create would revive. */
export async function findNameHolder(
  transaction: Transaction,
  connectionId: string,
  attributes: UserAttributes,
): Promise<"user_name_taken" | "external_id_taken" | "idp_deleted" | undefined> {
  const nameKey = canonicalName("userName", attributes.userName);
  const [holder] = await transaction.query<{ named: boolean }>(sql`
    SELECT user_name_key = ${nameKey} AS named FROM directory_user
    WHERE connection_id = ${connectionId} AND deleted_at IS NULL
      AND (user_name_key = ${nameKey} OR external_id = ${attributes.externalId ?? null}::text)
    ORDER BY named DESC LIMIT 1`);
  if (holder !== undefined) return holder.named ? "user_name_taken" : "external_id_taken";
  const [dead] = await transaction.query(findTombstone(connectionId, attributes));
  return dead && "idp_deleted";
}

/** Why whom a token would make may not enter, by what sources have said of them while nobody knew them. */
export async function findDenialBefore(
  transaction: Transaction,
  connectionId: string,
  token: { readonly iss: string; readonly sub: string },
  attributes: UserAttributes,
): Promise<IdpDenial | undefined> {
  const names = { ...namesIn(attributes), token, externalId: attributes.externalId };
  return deniedBefore(attributes, await readParked(transaction, connectionId, names));
}

/** The same person by the same rule as in a create: by externalId, and by userName only where neither has one. */
function findTombstone(connectionId: string, attributes: UserAttributes): Sql {
  const externalId = attributes.externalId ?? null;
  return sql`
    SELECT id FROM directory_user
    WHERE connection_id = ${connectionId} AND deleted_at IS NOT NULL
      AND (external_id = ${externalId}::text
        OR (user_name_key = ${canonicalName("userName", attributes.userName)} AND external_id IS NULL AND ${externalId}::text IS NULL))
    LIMIT 1`;
}

function createStatement(
  tenantId: string,
  connectionId: string,
  id: string,
  eventId: string,
  key: string,
  attributes: UserAttributes,
): Sql {
  const externalId = attributes.externalId ?? null;
  const nameKey = canonicalName("userName", attributes.userName);
  return sql`
    WITH created AS (
      INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes, provisioned_sub)
      VALUES (${id}, ${tenantId}, ${connectionId}, ${attributes.userName}, ${nameKey}, ${externalId}, true, ${JSON.stringify(attributes)}::jsonb, ${key})
      RETURNING id
    ), event AS (
      INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane)
      SELECT ${tenantId}, ${connectionId}, 'token', ${eventId}, 'user.created', 'user', id, false, rollcall_lane(id) FROM created
    )
    -- Groups may have waited for the externalId.
    SELECT rollcall_take_in(${connectionId}, created.id, 'User', array_remove(ARRAY[${externalId}::text], NULL)) FROM created`;
}
