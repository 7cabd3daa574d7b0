import type { Difference, DriftKind, Json } from "../domain/index.ts";
import { type Compared, givenUp, nothingCompared } from "./compare-users.ts";
import { isLinkedTo } from "./converge-strangers.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

/** Where a walk through the application's own rows goes on. */
export type StrangerPlace = { readonly after: string } | { readonly iss: string; readonly subKey: string };

export type StrangerPiece = {
  readonly ids: readonly string[];
  readonly next: StrangerPlace | undefined;
};

/** A piece of the tenant's users of the application: those whom no directory user stands for. */
export async function findGhosts(
  transaction: Transaction,
  tenantId: string,
  after: string | undefined,
  size: number,
): Promise<StrangerPiece> {
  const [, rows] = await Promise.all([
    transaction.query(joinedAsSets),
    transaction.query<{ last: string | null; size: number; ids: string[] }>(sql`
      WITH piece AS MATERIALIZED (
        SELECT id FROM app_user WHERE tenant_id = ${tenantId} AND ${placesAfter(sql`id`, after)} ORDER BY id LIMIT ${size}
      )
      SELECT (SELECT id FROM piece ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM piece) AS size, ARRAY(
        SELECT piece.id FROM piece
        LEFT JOIN (SELECT id FROM directory_user WHERE id = ANY(ARRAY(SELECT id FROM piece))) AS usr ON usr.id = piece.id
        WHERE usr.id IS NULL ORDER BY piece.id) AS ids`),
  ]);
  const row = rows[0];
  if (row === undefined) throw new Error("a piece of the application's users was not answered");
  return { ids: row.ids, next: row.size < size || row.last === null ? undefined : { after: row.last } };
}

/** A piece of the tenant's subjects: the directory users that gave some of them, and that there are not. */
export async function findOrphans(
  transaction: Transaction,
  tenantId: string,
  after: { readonly iss: string; readonly subKey: string } | undefined,
  size: number,
): Promise<StrangerPiece> {
  const from = placesAfter(sql`(iss, sub_key)`, after && sql`(${after.iss}, ${after.subKey})`);
  const [, rows] = await Promise.all([
    transaction.query(joinedAsSets),
    transaction.query<{ iss: string | null; sub_key: string | null; size: number; ids: string[] }>(sql`
      WITH piece AS MATERIALIZED (
        SELECT iss, sub_key, directory_user_id AS id FROM identity WHERE tenant_id = ${tenantId} AND ${from} ORDER BY iss, sub_key LIMIT ${size}
      ), last AS (SELECT iss, sub_key FROM piece ORDER BY iss DESC, sub_key DESC LIMIT 1)
      SELECT (SELECT iss FROM last) AS iss, (SELECT sub_key FROM last) AS sub_key, (SELECT count(*) FROM piece) AS size, ARRAY(
        SELECT DISTINCT piece.id FROM piece
        LEFT JOIN (SELECT id FROM directory_user WHERE id = ANY(ARRAY(SELECT id FROM piece))) AS usr ON usr.id = piece.id
        WHERE usr.id IS NULL ORDER BY piece.id) AS ids`),
  ]);
  const row = rows[0];
  if (row === undefined) throw new Error("a piece of subjects was not answered");
  const { iss, sub_key: subKey } = row;
  return { ids: row.ids, next: row.size < size || iss === null || subKey === null ? undefined : { iss, subKey } };
}

const joinedAsSets = sql`SELECT set_config('enable_nestloop', 'off', true), set_config('jit', 'off', true)`;

type StrangerRow = {
  id: string;
  user_name: string | null;
  linked: boolean;
  identities: { iss: string; sub: string; user_id: string }[];
  groups: string[];
  waits: boolean;
  given_up: boolean;
};

/** What the user store has of those of these ids that are no directory users, in one statement. */
export async function compareStrangers(transaction: Transaction, ids: readonly string[]): Promise<Compared> {
  if (ids.length === 0) return nothingCompared;
  const rows = await transaction.query<StrangerRow>(sql`
    SELECT named.id, (SELECT user_name FROM app_user WHERE app_user.id = named.id) AS user_name, ${isLinkedTo(sql`named.id`)} AS linked,
      (SELECT coalesce(jsonb_agg(own), '[]') FROM (SELECT iss, sub, user_id FROM identity WHERE identity.directory_user_id = named.id) AS own) AS identities,
      ARRAY(SELECT group_id FROM app_group_member WHERE app_group_member.directory_user_id = named.id ORDER BY group_id) AS groups,
      (SELECT true FROM lifecycle_event AS event WHERE event.subject_id = named.id AND applied_at IS NULL AND dead_at IS NULL ORDER BY event.subject_id, event.id LIMIT 1) IS NOT NULL AS waits,
      ${givenUp(sql`named.id`)} AS given_up
    FROM unnest(${ids}::uuid[]) AS named(id) WHERE (SELECT true FROM directory_user WHERE directory_user.id = named.id) IS NULL`);
  return {
    differences: rows.filter(({ waits }) => !waits).flatMap(differencesOf),
    waiting: rows.filter(({ waits }) => waits).map(({ id }) => id),
  };
}

function differencesOf(row: StrangerRow): readonly Difference[] {
  const isGhost = row.user_name !== null && !row.linked;
  const differs = (kind: DriftKind, name: string | null | undefined, userStore: Json): Difference => ({
    kind,
    subjectKind: "user",
    subjectId: row.id,
    connectionId: undefined,
    name: name ?? undefined,
    directory: null,
    userStore,
    isGivenUp: row.given_up,
  });
  const subjects = row.identities.map(({ iss, sub, user_id: userId }) => ({ iss, sub, userId }));
  return [
    ...(isGhost ? [differs("ghost", row.user_name, { userName: row.user_name })] : []),
    ...(subjects.length > 0 ? [differs("orphan_identity", subjects[0]?.sub, { subjects })] : []),
    ...(row.groups.length > 0 ? [differs("wrong_membership", row.user_name, { groups: row.groups })] : []),
  ];
}
