import { sql } from "@rollcall/core/store";
import type { House } from "./house.ts";
import { addConnection, createTenant, newGroup, newUser, type ScimAnswer, type TestTenant } from "./tenant.ts";
import { untilQuiet } from "./user-store.ts";

export const scimJson = { "content-type": "application/scim+json" };

/** Two connections of one tenant, one of which has users and a group, and the tenant's neighbour with one more. */
export async function createNeighbours(house: House) {
  const stranger = await createTenant(house);
  const tenant = await createTenant(house);
  const victims = [
    await createUser(house, tenant, "ann"),
    await createUser(house, tenant, "bob"),
    await createUser(house, stranger, "ann"),
  ];
  const group = await tenant.scim("POST", "/Groups", newGroup("Sales", victims.slice(0, 1)));
  const thief = await addConnection(house, tenant, "https://thief.idp.test");
  await untilQuiet(house, tenant.id);
  await untilQuiet(house, stranger.id);
  return { tenant, victims, groupId: group.body["id"] as string, thief };
}

/** A user who has arrived everywhere; answers the id. */
export async function createUser(house: House, tenant: TestTenant, externalId: string): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser(externalId));
  await untilQuiet(house, tenant.id);
  return body["id"] as string;
}

/** What a refusal says, without what could tell one resource from another. */
export function wordsOf({ status, body }: ScimAnswer) {
  return { status, detail: body["detail"], scimType: body["scimType"] };
}

/** Sends a body that is not ours to write as JSON. */
export async function sendRaw(
  house: House,
  tenant: TestTenant,
  method: string,
  path: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = scimJson,
): Promise<Response> {
  return fetch(`${house.url}/scim/v2${path}`, {
    method,
    headers: { authorization: `Bearer ${tenant.scimToken}`, ...headers },
    body,
  });
}

/** Everything that the tenant's connections but one have brought about, in the directory and in the application. */
export async function readRows(
  house: House,
  tenant: TestTenant,
  besides = "00000000-0000-0000-0000-000000000000",
): Promise<unknown> {
  return house.database.once(
    tenant.id,
    sql`SELECT 'user' AS kind, usr.id::text, to_jsonb(usr) AS held FROM directory_user AS usr WHERE connection_id <> ${besides}
      UNION ALL SELECT 'group', id::text, to_jsonb(grp) FROM directory_group AS grp WHERE connection_id <> ${besides}
      UNION ALL SELECT 'member', edge.group_id || edge.member, to_jsonb(edge) FROM directory_member AS edge
        JOIN directory_group AS grp ON grp.id = edge.group_id WHERE connection_id <> ${besides}
      UNION ALL SELECT 'app', app.id::text, to_jsonb(app) FROM app_user AS app
        JOIN directory_user AS usr ON usr.id = app.id WHERE connection_id <> ${besides}
      UNION ALL SELECT 'identity', iss || sub, to_jsonb(identity) FROM identity
        JOIN directory_user AS usr ON usr.id = identity.directory_user_id WHERE connection_id <> ${besides}
      UNION ALL SELECT 'denial', denial.user_id || denial.reason, to_jsonb(denial) FROM denial
        JOIN directory_user AS usr ON usr.id = denial.user_id WHERE connection_id <> ${besides}
      ORDER BY 1, 2`,
  );
}

/** Whom the tenant's groups name, sorted. */
export async function readEdges(house: House, tenant: TestTenant): Promise<readonly string[]> {
  const rows = await house.database.once<{ member: string }>(tenant.id, sql`SELECT member FROM directory_member`);
  return rows.map(({ member }) => member).toSorted();
}
