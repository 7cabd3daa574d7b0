import type { Difference } from "../domain/index.ts";
import { type Compared, givenUp } from "./compare-users.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

type GroupRow = {
  id: string;
  connection_id: string;
  display_name: string | null;
  stored_name: string | null;
  living: boolean;
  waits: boolean;
  given_up: boolean;
};

/** The groups of one piece, with what was found of them. */
export type ComparedGroups = Compared & { readonly last: string | undefined; readonly size: number };

/** Compares one piece of a connection's groups, living and deleted, and the application's own groups among them, in one statement. */
export async function compareGroupPiece(
  transaction: Transaction,
  connectionId: string,
  after: string | undefined,
  size: number,
): Promise<ComparedGroups> {
  const from = sql`${placesAfter(sql`id`, after)}`;
  const [row] = await transaction.query<{ last: string | null; size: number; groups: GroupRow[] }>(sql`
    WITH piece AS MATERIALIZED (
      SELECT id FROM directory_group WHERE connection_id = ${connectionId} AND ${from}
      UNION SELECT id FROM app_group WHERE connection_id = ${connectionId} AND ${from}
      ORDER BY id LIMIT ${size}
    )
    SELECT (SELECT id FROM piece ORDER BY id DESC LIMIT 1) AS last, (SELECT count(*) FROM piece) AS size,
      (SELECT coalesce(jsonb_agg(differing), '[]') FROM (${differing(sql`ARRAY(SELECT id FROM piece)`)}) AS differing) AS groups`);
  if (row === undefined) throw new Error("a piece of groups was not answered");
  return { ...judged(row.groups), last: row.last ?? undefined, size: row.size };
}

/** The same of groups that are named. */
export async function compareGroups(transaction: Transaction, ids: readonly string[]): Promise<Compared> {
  return judged(await transaction.query<GroupRow>(differing(sql`${ids}::uuid[]`)));
}

function differing(ids: Sql): Sql {
  return sql`
    SELECT named.id, coalesce(grp.connection_id, app.connection_id) AS connection_id, grp.display_name, app.display_name AS stored_name,
      (grp.id IS NOT NULL AND grp.deleted_at IS NULL) AS living,
      (SELECT true FROM lifecycle_event AS event WHERE event.subject_id = named.id AND applied_at IS NULL AND dead_at IS NULL ORDER BY event.subject_id, event.id LIMIT 1) IS NOT NULL AS waits,
      ${givenUp(sql`named.id`)} AS given_up
    FROM unnest(${ids}) AS named(id) LEFT JOIN directory_group AS grp ON grp.id = named.id LEFT JOIN app_group AS app ON app.id = named.id
    WHERE CASE WHEN grp.id IS NULL OR grp.deleted_at IS NOT NULL THEN app.id IS NOT NULL
      ELSE app.display_name IS DISTINCT FROM grp.display_name END`;
}

function judged(rows: readonly GroupRow[]): Compared {
  return {
    differences: rows.filter(({ waits }) => !waits).map(differenceOf),
    waiting: rows.filter(({ waits }) => waits).map(({ id }) => id),
  };
}

function differenceOf(row: GroupRow): Difference {
  return {
    kind: !row.living ? "ghost" : row.stored_name === null ? "missing" : "stale_attribute",
    subjectKind: "group",
    subjectId: row.id,
    connectionId: row.connection_id,
    name: row.display_name ?? row.stored_name ?? undefined,
    directory: row.living ? { displayName: row.display_name } : null,
    userStore: row.stored_name === null ? null : { displayName: row.stored_name },
    isGivenUp: row.given_up,
  };
}
