import type { Connection } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { belonging } from "./nesting.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

/** A piece of a connection's users, and those of them that do not look as they should. */
export type Sieved = {
  /** The last user of the piece; undefined where there is none. */
  readonly last: string | undefined;
  readonly size: number;
  readonly suspects: readonly string[];
  /** Those among whom something waits to be applied: they are behind, and nobody can say more of them. */
  readonly waiting: number;
};

/**
 * Looks at one piece of a connection's users, in one statement and so in one moment, and lets through
 * all who may differ from what a worker would make of them. It may let through others too, who are
 * looked at closely behind it; whom it holds back is as the domain's rules say.
 */
export async function sieveUsers(
  transaction: Transaction,
  tenantId: string,
  connection: Connection,
  after: string | undefined,
  size: number,
): Promise<Sieved> {
  const [, rows] = await Promise.all([
    // Sets are joined as sets and found by their keys, whatever the planner believes of how many there are.
    transaction.query(
      sql`SELECT set_config('enable_nestloop', 'off', true), set_config('enable_seqscan', 'off', true), set_config('work_mem', '64MB', true), set_config('jit', 'off', true)`,
    ),
    transaction.query<{ last: string | null; size: number; suspects: string[]; waiting: number }>(
      statement(tenantId, connection, after ?? null, size),
    ),
  ]);
  const row = rows[0];
  if (row === undefined) throw new Error("a piece of users was not answered");
  return { ...row, last: row.last ?? undefined };
}

function statement(tenantId: string, connection: Connection, after: string | null, size: number): Sql {
  const piece = sql`(SELECT ids FROM piece)::uuid[]`;
  const from = sql`${placesAfter(sql`id`, after)}`;
  const last = sql`(SELECT ids[cardinality(ids)] FROM piece)`;
  return sql`
    WITH piece AS MATERIALIZED (
      SELECT ARRAY(SELECT id FROM directory_user WHERE connection_id = ${connection.id} AND ${from} ORDER BY id LIMIT ${size}) AS ids
    ), tie AS MATERIALIZED (
      SELECT directory_user_id, user_id, applied_version FROM link WHERE directory_user_id = ANY(${piece})
    ), subject AS MATERIALIZED (
      SELECT directory_user_id, user_id, iss, sub, sub_key, alias OR linked_at IS NOT NULL AS aside FROM identity WHERE directory_user_id = ANY(${piece})
    ), held AS (
      SELECT directory_user_id, bool_and(user_id = directory_user_id) AS own, count(*) AS all_keys, count(*) FILTER (WHERE NOT aside) AS present,
        bool_and(iss = ANY(${connection.issuers}::text[])) FILTER (WHERE NOT aside) AS named,
        min(sub COLLATE "C") FILTER (WHERE NOT aside) AS first_sub, max(sub COLLATE "C") FILTER (WHERE NOT aside) AS last_sub,
        min(sub_key COLLATE "C") AS first_key, max(sub_key COLLATE "C") AS last_key, bool_or(aside) AS has_aside
      FROM subject GROUP BY directory_user_id
    ), reason AS (
      SELECT origin_id, user_id, count(*) AS size, min(reason) AS reason FROM denial
      WHERE origin_id = ANY(${piece}) AND reason IN ('idp_inactive', 'idp_deleted', 'poison') GROUP BY origin_id, user_id
    ), around AS MATERIALIZED (${belonging(piece)}
    ), suspect AS (
      SELECT usr.id FROM (
        -- Each part of the attributes is read once, however often it is compared.
        SELECT id, version, deleted_at IS NOT NULL AS deleted, attributes, ${subjectSql(connection)} AS sub, ${displayName} AS display_name,
          ${primaryOf(sql`attributes -> 'emails'`)} AS email
        FROM directory_user WHERE connection_id = ${connection.id} AND ${from} AND id <= ${last} OFFSET 0
      ) AS usr
      LEFT JOIN tie ON tie.directory_user_id = usr.id
      LEFT JOIN (SELECT id, user_name, display_name, email, attributes FROM app_user WHERE id = ANY(${piece})) AS app ON app.id = usr.id
      LEFT JOIN held ON held.directory_user_id = usr.id
      LEFT JOIN reason ON reason.origin_id = usr.id AND reason.user_id = usr.id
      WHERE (${looksRight(connection)}) IS NOT TRUE
      UNION
      ${wronglyTold(tenantId)}
      UNION
      ${wronglyGrouped(piece)}
    ), sifted AS (
      -- One by one, and behind everything else: what has ever happened to a subject is found by its id alone.
      SELECT id, (SELECT true FROM lifecycle_event AS event WHERE event.subject_id = suspect.id AND applied_at IS NULL AND dead_at IS NULL ORDER BY event.subject_id, event.id LIMIT 1) AS waits FROM suspect
    )
    SELECT ${last} AS last, (SELECT cardinality(ids) FROM piece) AS size,
      ARRAY(SELECT id FROM sifted WHERE waits IS NULL ORDER BY id) AS suspects, (SELECT count(*) FROM sifted WHERE waits) AS waiting`;
}

/** What `wantedUser` makes of the same row; where the two could differ, and of everybody who is linked to another, this says that it looks wrong. */
function looksRight({ issuers, subjectCompare }: Connection): Sql {
  const count = issuers.length;
  const key = subjectCompare === "exact" ? sql`usr.sub` : sql`rollcall_fold(usr.sub)`;
  return sql`tie.applied_version = usr.version AND tie.user_id = usr.id AND held.own IS NOT FALSE
    AND app.attributes = usr.attributes AND app.user_name = usr.attributes ->> 'userName'
    AND app.display_name IS NOT DISTINCT FROM usr.display_name AND app.email IS NOT DISTINCT FROM usr.email
    AND CASE WHEN usr.deleted THEN reason.size = 1 AND reason.reason = 'idp_deleted'
      WHEN usr.attributes -> 'active' = 'true'::jsonb THEN reason.size IS NULL
      ELSE reason.size = 1 AND reason.reason = 'idp_inactive' END
    AND CASE WHEN usr.sub IS NULL OR ${count}::int = 0 THEN usr.deleted OR coalesce(held.present, 0) = 0
      WHEN usr.deleted THEN held.all_keys = ${count}::int AND held.first_key = ${key} AND held.last_key = ${key}
      ELSE held.present = ${count}::int AND held.named AND held.first_sub = usr.sub AND held.last_sub = usr.sub
        AND (held.has_aside OR (held.first_key = ${key} AND held.last_key = ${key})) END`;
}

/** Subjects whose entry does not say what the denials of their user say. */
function wronglyTold(tenantId: string): Sql {
  return sql`
      SELECT subject.directory_user_id FROM subject
      LEFT JOIN (
        SELECT iss, sub, deny, nbf, origin, reason, forgotten_at FROM revocation
        WHERE tenant_id = ${tenantId} AND scope = 'sub' AND sub = ANY(ARRAY(SELECT sub_key FROM subject))
      ) AS entry ON entry.iss = subject.iss AND entry.sub = subject.sub_key
      LEFT JOIN (
        SELECT user_id, bool_and(reason IN ('idp_inactive', 'idp_deleted')) AS by_provider, array_agg(origin_id) AS origins,
          max(since) FILTER (WHERE reason IN ('admin_suspended', 'admin_revoked')) AS struck_at
        FROM denial WHERE user_id = ANY(ARRAY(SELECT user_id FROM subject)) GROUP BY user_id
      ) AS denied ON denied.user_id = subject.user_id
      WHERE (CASE WHEN denied.user_id IS NULL THEN NOT coalesce(entry.deny, false)
        WHEN entry.deny IS NOT TRUE THEN false
        -- Its provider refuses it too, so that it may have been forgotten.
        WHEN denied.by_provider AND denied.origins <@ ARRAY[subject.directory_user_id] AND entry.reason <> 'admin_revoked' THEN true
        ELSE entry.forgotten_at IS NULL AND entry.origin = 'app' AND entry.reason <> 'admin_revoked'
          AND (denied.struck_at IS NULL OR entry.nbf > extract(epoch FROM denied.struck_at)) END) IS NOT TRUE`;
}

/** Users whose memberships are not those that the directory's edges make. */
function wronglyGrouped(piece: Sql): Sql {
  return sql`
      SELECT coalesce(wanted.member_id, present.directory_user_id) FROM (
        SELECT around.member_id, around.group_id FROM around
        JOIN (SELECT id FROM directory_group WHERE id = ANY(ARRAY(SELECT group_id FROM around)) AND deleted_at IS NULL) AS grp ON grp.id = around.group_id
      ) AS wanted
      FULL JOIN (
        SELECT member.directory_user_id, member.group_id, member.user_id = tie.user_id AS own FROM app_group_member AS member
        LEFT JOIN tie ON tie.directory_user_id = member.directory_user_id
        WHERE member.directory_user_id = ANY(${piece})
      ) AS present ON present.directory_user_id = wanted.member_id AND present.group_id = wanted.group_id
      WHERE wanted.member_id IS NULL OR present.own IS NOT TRUE`;
}

const displayName = sql`coalesce(${textOf(sql`attributes -> 'displayName'`)}, ${textOf(sql`attributes #> '{name,formatted}'`)},
          nullif(concat_ws(' ', ${textOf(sql`attributes #> '{name,givenName}'`)}, ${textOf(sql`attributes #> '{name,familyName}'`)}), ''))`;

function textOf(value: Sql): Sql {
  return sql`CASE WHEN jsonb_typeof(${value}) = 'string' THEN nullif(${value} #>> '{}', '') END`;
}

/** The value of the element that is marked primary, or of the only one. */
function primaryOf(elements: Sql): Sql {
  return sql`CASE WHEN jsonb_typeof(${elements}) IS DISTINCT FROM 'array' THEN NULL
        WHEN jsonb_array_length(${elements}) = 1 THEN ${textOf(sql`${elements} #> '{0,value}'`)}
        ELSE (SELECT ${textOf(sql`element -> 'value'`)} FROM jsonb_array_elements(${elements}) WITH ORDINALITY AS listed(element, place)
          WHERE element -> 'primary' = 'true'::jsonb ORDER BY place LIMIT 1) END`;
}

/** The subject that the connection's issuers put into the user's tokens; of somebody who is linked to another it need not be right. */
function subjectSql({ subjectRule, subjectAttribute }: Connection): Sql {
  if (subjectRule === "federated") return sql`NULL::text`;
  if (subjectRule === "direct") return sql`id::text`;
  const primary = /^(\w+)\[primary\]$/.exec(subjectAttribute)?.[1];
  if (primary !== undefined) return sql`(${primaryOf(sql`attributes -> ${primary}::text`)})`;
  const colon = subjectAttribute.startsWith("urn:") ? subjectAttribute.lastIndexOf(":") : -1;
  const path =
    colon === -1 ? subjectAttribute.split(".") : [subjectAttribute.slice(0, colon), subjectAttribute.slice(colon + 1)];
  return sql`(${textOf(sql`attributes #> ${path}::text[]`)})`;
}
