import type { Client } from "pg";

const usersPerGroup = 1_000;

/** Who is compared: a tenant and its connection, with so many users. */
export type SeededTenant = { readonly tenantId: string; readonly connectionId: string; readonly users: number };

/**
 * Fills a tenant's directory and its user store alike, as if all had come and been applied long ago: one
 * user in twenty is deactivated, and each is in a group of a thousand. Triggers keep what is not compared.
 */
export async function seedStores(client: Client, { tenantId, connectionId, users }: SeededTenant): Promise<void> {
  const iss = issuerOf(tenantId);
  await client.query("SET session_replication_role = replica");
  await client.query("INSERT INTO tenant (id, slug, name) VALUES ($1::uuid, 'b-' || $1::uuid, 'bench')", [tenantId]);
  await client.query(
    "INSERT INTO connection (id, tenant_id, slug, name, kind, issuers) VALUES ($1, $2, 'idp', 'idp', 'scim', ARRAY[$3])",
    [connectionId, tenantId, iss],
  );
  await client.query(
    `INSERT INTO directory_user (id, tenant_id, connection_id, user_name, user_name_key, external_id, active, attributes)
     SELECT uuidv7(), $1, $2, name, name, 'x-' || number, number % 20 <> 0,
       jsonb_build_object('userName', name, 'externalId', 'x-' || number, 'active', number % 20 <> 0, 'displayName', 'User ' || number,
         'title', 'Engineer', 'name', jsonb_build_object('givenName', 'User', 'familyName', number::text),
         'emails', jsonb_build_array(jsonb_build_object('value', name, 'type', 'work', 'primary', true)))
     FROM (SELECT number, 'u-' || number || '@bench.test' AS name FROM generate_series(0, $3::int - 1) AS number) AS seed`,
    [tenantId, connectionId, users],
  );
  await client.query(
    `INSERT INTO directory_group (id, tenant_id, connection_id, display_name, display_name_key, attributes)
     SELECT uuidv7(), $1, $2, 'Group ' || number, 'group ' || number, jsonb_build_object('displayName', 'Group ' || number) FROM generate_series(1, $3::int) AS number`,
    [tenantId, connectionId, Math.max(1, Math.ceil(users / usersPerGroup))],
  );
  await client.query(
    `INSERT INTO directory_member (tenant_id, group_id, member, member_id, kind)
     SELECT $1::uuid, grp.ids[usr.place / $3::int + 1], usr.id::text, usr.id, 'User'
     FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM directory_user WHERE connection_id = $2) AS usr,
       (SELECT array_agg(id ORDER BY id) AS ids FROM directory_group WHERE connection_id = $2) AS grp`,
    [tenantId, connectionId, usersPerGroup],
  );
  for (const statement of converged) await client.query(statement, [tenantId, connectionId]);
  await client.query(
    "INSERT INTO identity (tenant_id, iss, sub, sub_key, user_id, directory_user_id) SELECT $1, $3, external_id, external_id, id, id FROM directory_user WHERE connection_id = $2",
    [tenantId, connectionId, iss],
  );
  await client.query(
    `INSERT INTO revocation (tenant_id, scope, iss, sub, deny, nbf, origin, reason, accepted_at)
     SELECT $1, 'sub', $3, external_id, true, 1, 'idp', 'idp_inactive', now() FROM directory_user WHERE connection_id = $2 AND NOT active`,
    [tenantId, connectionId, iss],
  );
  await client.query("SET session_replication_role = origin");
}

const converged = [
  `INSERT INTO app_user (id, tenant_id, user_name, display_name, email, attributes)
   SELECT id, $1, user_name, attributes ->> 'displayName', attributes #>> '{emails,0,value}', attributes FROM directory_user WHERE connection_id = $2`,
  "INSERT INTO link (directory_user_id, tenant_id, user_id, applied_version) SELECT id, $1, id, version FROM directory_user WHERE connection_id = $2",
  "INSERT INTO app_group (id, tenant_id, connection_id, display_name, applied_version) SELECT id, $1, $2, display_name, version FROM directory_group WHERE connection_id = $2",
  `INSERT INTO app_group_member (tenant_id, group_id, user_id, directory_user_id)
   SELECT $1, edge.group_id, edge.member_id, edge.member_id FROM directory_member AS edge JOIN directory_group AS grp ON grp.id = edge.group_id WHERE grp.connection_id = $2`,
  "INSERT INTO denial (tenant_id, user_id, reason, origin_id) SELECT $1, id, 'idp_inactive', id FROM directory_user WHERE connection_id = $2 AND NOT active",
];

/** Puts one user in a hundred wrong, in five ways. Answers how many. */
export async function spoilStores(client: Client, { tenantId, connectionId }: SeededTenant): Promise<number> {
  await client.query("SET session_replication_role = replica");
  await client.query(
    "CREATE TEMPORARY TABLE spoilt AS SELECT id, external_id, active, (row_number() OVER (ORDER BY id)) % 500 AS way FROM directory_user WHERE connection_id = $1",
    [connectionId],
  );
  const spoilt = "(SELECT id FROM spoilt WHERE way = $1)";
  const ways = [
    `DELETE FROM app_user WHERE id IN ${spoilt}`,
    `UPDATE app_user SET display_name = 'Other' WHERE id IN ${spoilt}`,
    `DELETE FROM app_group_member WHERE directory_user_id IN ${spoilt}`,
    `UPDATE identity SET alias = true WHERE directory_user_id IN ${spoilt}`,
  ];
  let count = 0;
  for (const [way, statement] of ways.entries()) count += (await client.query(statement, [way])).rowCount ?? 0;
  const denied =
    "INSERT INTO denial (tenant_id, user_id, reason, origin_id) SELECT $2, id, 'idp_inactive', id FROM spoilt WHERE way = $1 ON CONFLICT DO NOTHING";
  count += (await client.query(denied, [4, tenantId])).rowCount ?? 0;
  await client.query("DROP TABLE spoilt");
  await client.query("SET session_replication_role = origin");
  return count;
}

export function issuerOf(tenantId: string): string {
  return `https://${tenantId}.bench.test`;
}
