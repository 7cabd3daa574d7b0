import { newId } from "@rollcall/core/runtime";
import type { UserAttributes } from "@rollcall/core/domain";
import { createGroupDirectory, createUserDirectory, type Database, sql } from "@rollcall/core/store";
import type { TestTenant } from "./tenant.ts";

export type Step = "create" | "update" | "deactivate" | "reactivate" | "join" | "delete";

/** One user's life in the directory, one write at a time; each write leaves one event. */
export type Life = {
  readonly sub: string;
  /** Makes the writes up to and with this one, in their true order. */
  liveTo(step: number): Promise<void>;
  /** The directory's id, once there is one. */
  id(): string;
};

const joined = "Staff";

/** Lives of one tenant's users, written straight to the directory: what HTTP would add is another story's. */
export async function createLives(
  database: Database,
  tenant: TestTenant,
  steps: readonly Step[],
  count: number,
): Promise<readonly Life[]> {
  const users = createUserDirectory(database, newId);
  const groups = createGroupDirectory(database, newId);
  const sender = () => ({ connectionId: tenant.connectionId, requestId: newId() });
  // Groups queue their changes; a few of them keep a thousand users from standing in one line.
  const groupIds = await Promise.all(
    Array.from(
      { length: 24 },
      async (_, index) =>
        (await groups.create(tenant.id, sender(), { displayName: `${joined} ${index}` }, [])).resource.id,
    ),
  );

  function attributesOf(sub: string, active: boolean, displayName: string): UserAttributes {
    return { userName: `${sub}@example.test`, externalId: sub, active, displayName };
  }
  function lifeOf(index: number): Life {
    const sub = `u${index}`;
    let id = "";
    let version = 0;
    let done = 0;
    const write: Readonly<Record<Step, () => Promise<void>>> = {
      create: async () => {
        const { resource } = await users.create(tenant.id, sender(), attributesOf(sub, true, "new"));
        ({ id, version } = resource);
      },
      update: () => replace(true, "updated"),
      deactivate: () => replace(false, "updated"),
      reactivate: () => replace(true, "updated"),
      join: async () =>
        void (await groups.change(tenant.id, sender(), groupIds[index % groupIds.length] ?? "", {
          members: [{ kind: "add", values: [id] }],
        })),
      delete: async () => void (await users.remove(tenant.id, sender(), id)),
    };
    async function replace(active: boolean, displayName: string): Promise<void> {
      const { resource } = await users.replace(
        tenant.id,
        sender(),
        id,
        version,
        attributesOf(sub, active, displayName),
      );
      ({ version } = resource);
    }
    return {
      sub,
      id: () => id,
      liveTo: async (step) => {
        for (; done <= step; done += 1) await write[steps[done] ?? "create"]();
      },
    };
  }
  return Array.from({ length: count }, (_, index) => lifeOf(index));
}

/** The ids of each subject's events, in the order in which they were accepted, without those that were delivered again. */
export async function eventsOf(
  database: Database,
  tenantId: string,
  subjectIds: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = await database.once<{ subject_id: string; ids: number[] }>(
    tenantId,
    sql`SELECT subject_id, array_agg(id ORDER BY id) AS ids FROM lifecycle_event WHERE subject_id = ANY(${subjectIds}::uuid[]) AND NOT source_event_id LIKE '%:again' GROUP BY subject_id`,
  );
  return new Map(rows.map((row) => [row.subject_id, row.ids.map(Number)]));
}

/** Delivers events once more, as they were: another row, the same moment. Answers the new ids, in order. */
export async function deliverAgain(
  database: Database,
  tenantId: string,
  ids: readonly number[],
): Promise<readonly number[]> {
  const rows = await database.once<{ id: number }>(
    tenantId,
    sql`INSERT INTO lifecycle_event (tenant_id, connection_id, source, source_event_id, kind, subject_kind, subject_id, denying, lane, accepted_at)
      SELECT tenant_id, connection_id, source, source_event_id || ':again', kind, subject_kind, subject_id, denying, lane, accepted_at
      FROM lifecycle_event JOIN unnest(${ids}::bigint[]) WITH ORDINALITY AS named(event_id, place) ON id = event_id
      ORDER BY named.place
      RETURNING id`,
  );
  return rows.map((row) => row.id);
}

/** What everybody downstream believes of each user, by subject: the user store, and what gateways are told. */
export async function believed(database: Database, tenantId: string): Promise<ReadonlyMap<string, string>> {
  const rows = await database.once<{ sub: string; state: string }>(
    tenantId,
    sql`SELECT usr.external_id AS sub, jsonb_build_object(
        'behind', usr.version - link.applied_version,
        'user', (SELECT jsonb_build_object('display', display_name, 'attributes', app_user.attributes - 'userName' - 'externalId') FROM app_user WHERE app_user.id = link.user_id),
        'denials', ARRAY(SELECT reason FROM denial WHERE denial.user_id = link.user_id ORDER BY reason),
        'identities', ARRAY(SELECT identity.sub = usr.external_id AND NOT alias FROM identity WHERE identity.directory_user_id = usr.id),
        'groups', (SELECT count(*) FROM app_group_member AS member WHERE member.directory_user_id = usr.id),
        'store', (SELECT jsonb_build_object('deny', deny, 'cut', nbf = floor(extract(epoch FROM kill.at)) + 1) FROM revocation WHERE revocation.sub = usr.external_id),
        'feed', (SELECT jsonb_build_object('deny', op = 'deny', 'cut', nbf = floor(extract(epoch FROM kill.at)) + 1) FROM feed_entry WHERE feed_entry.sub = usr.external_id AND superseded_by IS NULL)
      )::text AS state
      FROM directory_user AS usr
      JOIN link ON link.directory_user_id = usr.id,
      LATERAL (SELECT max(accepted_at) AS at FROM lifecycle_event AS event WHERE event.subject_id = usr.id AND event.kind IN ('user.deactivated', 'user.deleted')) AS kill`,
  );
  return new Map(rows.map((row) => [row.sub, row.state]));
}
