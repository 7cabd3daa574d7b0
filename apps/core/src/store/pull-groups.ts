import { decideMissing, type GroupAttributes, type ReadBackRules } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { keepDifferences, type NewDifference, nextPlace } from "./pull-comparison.ts";
import { type HeldPull, setHeld } from "./pull-lease.ts";
import { isCalledAs, isGroupCalledAs } from "./pull-names.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

const groupsAtOnce = 200;

type GroupRow = {
  provider_id: string;
  said: GroupAttributes;
  id: string | null;
  attributes: GroupAttributes;
  members: number;
  added: number;
  removed: number;
};

/** Compares some of the listed groups with the directory's, and keeps what differs. Answers whether there are more. Throws `PullLost`. */
export async function compareListedGroups(
  database: Database,
  held: HeldPull,
  rules: ReadBackRules,
): Promise<string | undefined> {
  return database.inTenant(held.tenantId, async (transaction) => {
    const last = await nextPlace(
      transaction,
      sql`SELECT provider_id FROM pull_group WHERE run_id = ${held.id} AND ${placesAfter(sql`provider_id`, held.mark)} ORDER BY provider_id LIMIT ${groupsAtOnce}`,
      sql`provider_id`,
    );
    if (last === undefined) return undefined;
    const rows = await transaction.query<GroupRow>(sql`
      WITH pair AS (
        SELECT page.provider_id, page.attributes AS said, grp.* FROM pull_group AS page LEFT JOIN LATERAL (${groupOf(held, rules)}) AS grp ON true
        WHERE page.run_id = ${held.id} AND ${placesAfter(sql`page.provider_id`, held.mark)} AND page.provider_id <= ${last}
          AND page.display_name_key IS NOT NULL
      ), ${deltaOf(held, rules)}
      SELECT pair.provider_id, pair.said, pair.group_id AS id, pair.attributes,
        (SELECT count(*) FROM pull_member WHERE run_id = ${held.id} AND pull_member.group_id = pair.provider_id) AS members,
        count(*) FILTER (WHERE delta.added) AS added, count(*) FILTER (WHERE NOT delta.added) AS removed
      FROM pair LEFT JOIN delta ON delta.group_id = pair.group_id
      WHERE pair.group_id IS NULL OR pair.updated_at < ${held.askedAt}
      GROUP BY pair.provider_id, pair.said, pair.group_id, pair.attributes`);
    await keepDifferences(
      transaction,
      held,
      rows.flatMap((row) => differenceOfGroup(row, rules) ?? []),
    );
    await setHeld(transaction, held, sql`mark = ${last}, attempts = 0`);
    return last;
  });
}

function differenceOfGroup(row: GroupRow, rules: ReadBackRules): NewDifference | undefined {
  const { id, provider_id: providerId, said, members, added, removed } = row;
  const base = { subjectId: id, providerId, name: said.displayName, counted: false };
  if (id === null) return rules.creates ? { ...base, kind: "new_group", detail: { members } } : undefined;
  const isRenamed = said.displayName !== row.attributes.displayName;
  if (!isRenamed && added + removed === 0) return undefined;
  return { ...base, kind: "membership", detail: { added, removed, renamed: isRenamed } };
}

/** Looks for groups that a provider once told of and the listing has left out. Answers whether there are more. Throws `PullLost`. */
export async function compareMissingGroups(
  database: Database,
  held: HeldPull,
  { idAttribute }: ReadBackRules,
): Promise<undefined> {
  await database.inTenant(held.tenantId, async (transaction) => {
    const rows = await transaction.query<{
      id: string;
      name: string;
      external_id: string | null;
      created_at: Date;
      updated_at: Date;
      since: Date | null;
    }>(sql`
      SELECT directory_group.id, display_name AS name, external_id, created_at, updated_at, absence.since FROM directory_group
      LEFT JOIN pull_absence AS absence ON absence.connection_id = ${held.connectionId} AND absence.subject_id = directory_group.id
      WHERE directory_group.connection_id = ${held.connectionId} AND deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM pull_group AS page WHERE page.run_id = ${held.id} AND ${isGroupCalledAs(sql`page`, idAttribute)})
        -- Of whom SCIM alone has spoken, SCIM says when they end.
        AND EXISTS (SELECT FROM lifecycle_event WHERE lifecycle_event.subject_id = directory_group.id AND source = 'provider')`);
    const missing = rows.flatMap((row): readonly NewDifference[] => {
      const subject = { createdAt: row.created_at, saidAt: row.updated_at, missingSince: row.since ?? undefined };
      const decided = decideMissing(subject, held.askedAt ?? new Date(0));
      if (decided === "newer") return [];
      const kind = decided === "gone" ? "group_gone" : "group_missing";
      return [{ kind, subjectId: row.id, providerId: row.external_id, name: row.name, detail: {}, counted: false }];
    });
    await keepDifferences(transaction, held, missing);
    await setHeld(transaction, held, sql`attempts = 0`);
  });
}

/** How many living users the listing would change in any way: each once. */
export async function countChanged(transaction: Transaction, held: HeldPull, rules: ReadBackRules): Promise<number> {
  const [row] = await transaction.query<{ changed: number }>(sql`
    WITH pair AS (
      SELECT provider_id, subject_id AS group_id FROM pull_difference WHERE run_id = ${held.id} AND kind = 'membership'
    ), ${deltaOf(held, rules)}
    SELECT count(*) AS changed FROM (
      SELECT subject_id FROM pull_difference WHERE run_id = ${held.id} AND kind IN ('gone', 'shut_out', 'let_in', 'attributes')
      UNION SELECT user_id FROM delta WHERE user_id IS NOT NULL
      UNION SELECT edge.member_id FROM pull_difference AS gone JOIN directory_member AS edge ON edge.group_id = gone.subject_id AND edge.kind = 'User'
        WHERE gone.run_id = ${held.id} AND gone.kind = 'group_gone' AND edge.member_id IS NOT NULL
    ) AS one`);
  return row?.changed ?? 0;
}

/** A group as a listing wants it, beside how it is now. */
export type GroupDelta = {
  /** Undefined where the directory has none. */
  readonly group: { readonly id: string; readonly version: number; readonly isNewer: boolean } | undefined;
  readonly said: GroupAttributes;
  readonly added: readonly string[];
  readonly removed: readonly string[];
};

/** What is to be done to one group now; undefined where it was not listed. */
export async function readGroupDelta(
  database: Database,
  held: HeldPull,
  rules: ReadBackRules,
  providerId: string,
): Promise<GroupDelta | undefined> {
  const [row] = await database.once<{
    said: GroupAttributes;
    group_id: string | null;
    version: number;
    newer: boolean;
    added: string[] | null;
    removed: string[] | null;
  }>(
    held.tenantId,
    sql`WITH pair AS (
        SELECT page.provider_id, page.attributes AS said, grp.* FROM pull_group AS page LEFT JOIN LATERAL (${groupOf(held, rules)}) AS grp ON true
        WHERE page.run_id = ${held.id} AND page.provider_id = ${providerId}
      ), ${deltaOf(held, rules)}
      SELECT said, group_id, version, coalesce(updated_at >= ${held.askedAt}, false) AS newer,
        CASE WHEN group_id IS NULL THEN (SELECT array_agg(member) FROM wanted) ELSE (SELECT array_agg(member) FROM delta WHERE added) END AS added,
        (SELECT array_agg(member) FROM delta WHERE NOT added) AS removed
      FROM pair`,
  );
  if (row === undefined) return undefined;
  const group = row.group_id === null ? undefined : { id: row.group_id, version: row.version, isNewer: row.newer };
  return { group, said: row.said, added: row.added ?? [], removed: row.removed ?? [] };
}

/** The directory's group of a listed one, `page`. */
function groupOf({ connectionId }: HeldPull, { idAttribute }: ReadBackRules): Sql {
  return sql`SELECT id AS group_id, directory_group.attributes, version, updated_at FROM directory_group
    WHERE connection_id = ${connectionId} AND deleted_at IS NULL AND ${isGroupCalledAs(sql`page`, idAttribute)} ORDER BY id LIMIT 1`;
}

/**
 * What `pair`, of listed groups and the directory's, comes to: `wanted`, who is to be in each, and `delta`, which edges
 * are to come and to go. Members are told by the directory's ids where it knows them, and wait by the provider's where not.
 */
function deltaOf({ id, connectionId }: HeldPull, { idAttribute }: ReadBackRules): Sql {
  return sql`wanted AS (
      SELECT pair.group_id, pair.provider_id, coalesce(usr.id::text, nested.group_id::text, edge.member) AS member, usr.id AS user_id
      FROM pair JOIN pull_member AS edge ON edge.run_id = ${id} AND edge.group_id = pair.provider_id
      LEFT JOIN pull_user AS named ON named.run_id = ${id} AND named.provider_id = edge.member
      LEFT JOIN LATERAL (
        SELECT directory_user.id FROM directory_user WHERE directory_user.connection_id = ${connectionId} AND deleted_at IS NULL AND ${isCalledAs(sql`named`, idAttribute)} LIMIT 1
      ) AS usr ON named.provider_id IS NOT NULL
      LEFT JOIN pull_group AS page ON page.run_id = ${id} AND page.provider_id = edge.member
      LEFT JOIN LATERAL (
        SELECT directory_group.id AS group_id FROM directory_group WHERE directory_group.connection_id = ${connectionId} AND deleted_at IS NULL AND ${isGroupCalledAs(sql`page`, idAttribute)} ORDER BY directory_group.id LIMIT 1
      ) AS nested ON page.provider_id IS NOT NULL
    ), delta AS (
      SELECT group_id, member, user_id, true AS added FROM wanted WHERE group_id IS NOT NULL
        AND NOT EXISTS (SELECT FROM directory_member AS edge WHERE edge.group_id = wanted.group_id AND edge.member = wanted.member)
      UNION ALL
      SELECT edge.group_id, edge.member, CASE WHEN edge.kind = 'User' THEN edge.member_id END, false
      FROM pair JOIN directory_member AS edge ON edge.group_id = pair.group_id
      WHERE NOT EXISTS (SELECT FROM wanted WHERE wanted.group_id = edge.group_id AND wanted.member = edge.member)
        -- Whoever was left out once keeps what they have until that is said again.
        -- And whoever was found when they were asked about is no less there.
        AND NOT EXISTS (SELECT FROM pull_difference WHERE run_id = ${id} AND subject_id = edge.member_id
          AND (kind IN ('missing', 'group_missing') OR kind = 'gone' AND outcome IS NOT NULL AND healed_at IS NULL))
    )`;
}
