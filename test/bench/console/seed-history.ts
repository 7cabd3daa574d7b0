import type { Client } from "pg";
import type { SeededTenant } from "../reconcile/seed-stores.ts";

/** What has happened to a tenant's users in the last month: an event for each that was applied at once, and a note in the audit for every tenth. */
export async function seedHistory(client: Client, { tenantId, connectionId, users }: SeededTenant): Promise<void> {
  await client.query("SET session_replication_role = replica");
  await client.query(
    `INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, accepted_at, applied_at)
     SELECT $1::uuid, $2::uuid, 'scim', 'seed-' || id, CASE WHEN active THEN 'user.created' ELSE 'user.deactivated' END, 'user', id, NOT active, place % 32,
       now() - place * interval '30 days' / $3::int, now() - place * interval '30 days' / $3::int + interval '40 milliseconds'
     FROM (SELECT id, active, row_number() OVER (ORDER BY id DESC) AS place FROM directory_user WHERE connection_id = $2) AS usr ORDER BY place DESC`,
    [tenantId, connectionId, users],
  );
  await client.query(
    `INSERT INTO audit (tenant_id, actor, action, target, detail)
     SELECT $1, 'token:bench', 'user.suspend', 'user:' || id, '{}' FROM directory_user WHERE connection_id = $2 AND get_byte(uuid_send(id), 15) % 10 = 0`,
    [tenantId, connectionId],
  );
  await client.query("SET session_replication_role = origin");
}
