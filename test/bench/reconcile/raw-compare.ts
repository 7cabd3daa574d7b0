import type { Client } from "pg";
import { issuerOf, type SeededTenant } from "./seed-stores.ts";

/** The two tables of users alone, as somebody would compare them first. */
export async function compareProfiles(client: Client, { tenantId }: SeededTenant): Promise<number> {
  const { rows } = await client.query<{ differing: string }>(
    `SELECT count(*) AS differing FROM (SELECT * FROM directory_user WHERE tenant_id = $1) AS usr
     FULL JOIN (SELECT * FROM app_user WHERE tenant_id = $1) AS app ON app.id = usr.id
     WHERE app.id IS NULL OR usr.id IS NULL OR app.user_name <> usr.user_name OR app.attributes <> usr.attributes
       OR app.display_name IS DISTINCT FROM usr.attributes ->> 'displayName' OR app.email IS DISTINCT FROM usr.attributes #>> '{emails,0,value}'`,
    [tenantId],
  );
  return Number(rows[0]?.differing);
}

/** All that is compared, in one statement by somebody who knows that these tables hold nothing out of the way. Answers how many users differ. */
export async function compareRaw(client: Client, tenant: SeededTenant): Promise<number> {
  const { rows } = await client.query<{ differing: string }>(
    `SELECT count(DISTINCT id) AS differing FROM (
      SELECT coalesce(usr.id, app.id) AS id FROM (SELECT * FROM directory_user WHERE tenant_id = $1) AS usr
      FULL JOIN (SELECT * FROM app_user WHERE tenant_id = $1) AS app ON app.id = usr.id
      LEFT JOIN link ON link.directory_user_id = usr.id
      LEFT JOIN identity ON identity.directory_user_id = usr.id AND identity.iss = $2
      LEFT JOIN denial ON denial.origin_id = usr.id
      LEFT JOIN revocation ON revocation.tenant_id = $1 AND revocation.scope = 'sub' AND revocation.iss = $2 AND revocation.sub = identity.sub_key
      WHERE app.id IS NULL OR usr.id IS NULL OR app.user_name <> usr.user_name OR app.attributes <> usr.attributes
        OR app.display_name IS DISTINCT FROM usr.attributes ->> 'displayName' OR app.email IS DISTINCT FROM usr.attributes #>> '{emails,0,value}'
        OR link.applied_version IS DISTINCT FROM usr.version OR identity.sub IS DISTINCT FROM usr.external_id OR identity.alias
        OR denial.reason IS DISTINCT FROM CASE WHEN usr.deleted_at IS NOT NULL THEN 'idp_deleted' WHEN NOT usr.active THEN 'idp_inactive' END
        OR coalesce(revocation.deny, false) <> (denial.reason IS NOT NULL)
      UNION ALL
      SELECT coalesce(edge.member_id, member.directory_user_id) FROM (SELECT * FROM directory_member WHERE tenant_id = $1) AS edge
      FULL JOIN (SELECT * FROM app_group_member WHERE tenant_id = $1) AS member ON member.group_id = edge.group_id AND member.directory_user_id = edge.member_id
      WHERE edge.member_id IS NULL OR member.directory_user_id IS NULL
    ) AS found`,
    [tenant.tenantId, issuerOf(tenant.tenantId)],
  );
  return Number(rows[0]?.differing);
}

const pageSize = 100;

/** Lists the directory page by page and asks the user store about each user, as a script over two APIs would. Stops after so many. */
export async function compareOneByOne(
  client: Client,
  { connectionId }: SeededTenant,
  usersMax: number,
): Promise<number> {
  type Listed = { id: string; version: string; active: boolean; attributes: unknown };
  let after = "00000000-0000-0000-0000-000000000000";
  let differing = 0;
  for (let seen = 0; seen < usersMax;) {
    const { rows } = await client.query<Listed>(
      "SELECT id, version, active, attributes FROM directory_user WHERE connection_id = $1 AND id > $2 ORDER BY id LIMIT $3",
      [connectionId, after, pageSize],
    );
    for (const user of rows) if (await differs(client, user)) differing += 1;
    seen += rows.length;
    after = rows.at(-1)?.id ?? after;
    if (rows.length < pageSize) break;
  }
  return differing;
}

async function differs(client: Client, user: { id: string; active: boolean; attributes: unknown }): Promise<boolean> {
  const { rows: stored } = await client.query<{ attributes: unknown }>(
    "SELECT attributes FROM app_user WHERE id = $1",
    [user.id],
  );
  const { rows: denials } = await client.query("SELECT reason FROM denial WHERE user_id = $1", [user.id]);
  const { rows: subjects } = await client.query("SELECT sub FROM identity WHERE directory_user_id = $1 AND NOT alias", [
    user.id,
  ]);
  const { rows: edges } = await client.query("SELECT group_id FROM directory_member WHERE member_id = $1 ORDER BY 1", [
    user.id,
  ]);
  const { rows: members } = await client.query(
    "SELECT group_id FROM app_group_member WHERE directory_user_id = $1 ORDER BY 1",
    [user.id],
  );
  return (
    JSON.stringify(stored[0]?.attributes) !== JSON.stringify(user.attributes) ||
    denials.length > 0 === user.active ||
    subjects.length !== 1 ||
    JSON.stringify(edges) !== JSON.stringify(members)
  );
}
