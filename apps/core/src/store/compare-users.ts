import {
  type Connection,
  type Difference,
  type JsonObject,
  type StandingFact,
  type UserAttributes,
  userDifferences,
  type UserFacts,
  type UserState,
  wantedUser,
} from "../domain/index.ts";
import { type StandingRow, standingColumns, standingTables, toStanding } from "./converge-revocations.ts";
import type { Transaction } from "./database.ts";
import { belonging } from "./nesting.ts";
import { type Sql, sql } from "./sql.ts";

/** What was found of some subjects. Of those who wait nothing can be said. */
export type Compared = {
  readonly differences: readonly Difference[];
  readonly waiting: readonly string[];
};

export const nothingCompared: Compared = { differences: [], waiting: [] };

/** So many are looked at closely in one statement. */
const closeMax = 500;

/**
 * Compares directory users one by one with what a worker would make of them, by the domain's rules.
 * Whoever the directory has never had is left out. Everything that is compared is read in one
 * statement, and so in one moment: in it, whatever is not applied yet has its event waiting.
 */
export async function compareUsers(
  transaction: Transaction,
  connections: ReadonlyMap<string, Connection>,
  ids: readonly string[],
): Promise<Compared> {
  const differences: Difference[] = [];
  const waiting: string[] = [];
  for (let from = 0; from < ids.length; from += closeMax) {
    const piece = await comparePiece(transaction, connections, ids.slice(from, from + closeMax));
    differences.push(...piece.differences);
    waiting.push(...piece.waiting);
  }
  return { differences, waiting };
}

async function comparePiece(
  transaction: Transaction,
  connections: ReadonlyMap<string, Connection>,
  ids: readonly string[],
): Promise<Compared> {
  const states = await readStates(transaction, connections, ids);
  if (states.length === 0) return nothingCompared;
  const rows = await transaction.query<FactRow>(facts(states));
  const stateOf = new Map(states.map((state) => [state.id, state]));
  const differences: Difference[] = [];
  const waiting: string[] = [];
  for (const row of rows) {
    const state = stateOf.get(row.id);
    if (state === undefined) continue;
    // Whoever has changed since their state was read has an event, or had one.
    const isOther = row.version !== state.version || (row.user_id ?? row.id) !== state.userId;
    if (isOther || row.waits || row.groups_wait) waiting.push(row.id);
    else differences.push(...userDifferences(state, toFacts(row, connections)));
  }
  return { differences, waiting };
}

type StateRow = {
  id: string;
  user_id: string | null;
  connection_id: string;
  attributes: UserAttributes;
  deleted: boolean;
  version: number;
};

async function readStates(
  transaction: Transaction,
  connections: ReadonlyMap<string, Connection>,
  ids: readonly string[],
): Promise<readonly UserState[]> {
  const rows = await transaction.query<StateRow>(sql`
    SELECT usr.id, link.user_id, usr.connection_id, usr.attributes, usr.deleted_at IS NOT NULL AS deleted, usr.version
    FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id WHERE usr.id = ANY(${ids}::uuid[])`);
  return rows.flatMap((row) => toState(row, connections) ?? []);
}

function toState(row: StateRow, connections: ReadonlyMap<string, Connection>): UserState | undefined {
  const connection = connections.get(row.connection_id);
  return (
    connection && {
      id: row.id,
      userId: row.user_id ?? row.id,
      connection,
      attributes: row.attributes,
      deleted: row.deleted,
      version: row.version,
    }
  );
}

type IdentityRow = { iss: string; sub: string; sub_key: string; user_id: string; alias: boolean; linked: boolean };
type FactRow = {
  id: string;
  version: number;
  user_id: string | null;
  applied_version: number | null;
  profile: {
    user_name: string;
    display_name: string | null;
    email: string | null;
    attributes: JsonObject | null;
  } | null;
  denials: string[];
  identities: IdentityRow[];
  holders: (IdentityRow & { directory_user_id: string; owner: StateRow | null })[];
  standings: (Omit<StandingRow, "struck_at"> & { struck_at: string | null; adoptable: boolean })[];
  lacking: string[];
  surplus: string[];
  waits: boolean;
  groups_wait: boolean;
  given_up: boolean;
};

function facts(states: readonly UserState[]): Sql {
  const ids = sql`${states.map(({ id }) => id)}::uuid[]`;
  const wanted = states.flatMap((state) =>
    wantedUser(state).identities.map((identity) => ({ ...identity, id: state.id })),
  );
  const event = (which: Sql): Sql =>
    sql`(SELECT true FROM lifecycle_event AS event WHERE ${which} ORDER BY event.subject_id, event.id LIMIT 1) IS NOT NULL`;
  const waits = (subject: Sql): Sql =>
    event(sql`event.subject_id = ${subject} AND applied_at IS NULL AND dead_at IS NULL`);
  const identity = sql`identity.iss, identity.sub, identity.sub_key, identity.user_id, identity.alias, identity.linked_at IS NOT NULL AS linked`;
  return sql`
    WITH wanted AS MATERIALIZED (
      SELECT * FROM unnest(${wanted.map(({ id }) => id)}::uuid[], ${wanted.map(({ iss }) => iss)}::text[], ${wanted.map(({ subKey }) => subKey)}::text[]) AS wanted(id, iss, sub_key)
    ), around AS MATERIALIZED (${belonging(ids)}
    ), present AS MATERIALIZED (
      SELECT member.directory_user_id, member.group_id, member.user_id FROM app_group_member AS member WHERE member.directory_user_id = ANY(${ids})
    ), membership AS MATERIALIZED (
      SELECT coalesce(around.member_id, present.directory_user_id) AS id, coalesce(around.group_id, present.group_id) AS group_id, around.member_id IS NOT NULL AS wanted
      FROM (SELECT around.* FROM around JOIN directory_group AS grp ON grp.id = around.group_id AND grp.deleted_at IS NULL) AS around
      FULL JOIN present ON present.directory_user_id = around.member_id AND present.group_id = around.group_id
        AND present.user_id = (SELECT link.user_id FROM link WHERE link.directory_user_id = around.member_id)
      WHERE around.member_id IS NULL OR present.directory_user_id IS NULL
    ), busy AS MATERIALIZED (
      -- Groups are passed on to their members: until that is done, what these are in is behind and not wrong.
      SELECT DISTINCT grp.id FROM (
        SELECT member_id AS id, group_id FROM around WHERE member_id IN (SELECT id FROM membership)
        UNION SELECT directory_user_id, group_id FROM present WHERE directory_user_id IN (SELECT id FROM membership)
      ) AS grp WHERE ${waits(sql`grp.group_id`)}
    )
    SELECT usr.id, usr.version, link.user_id, link.applied_version,
      (SELECT to_jsonb(app) FROM (
        SELECT user_name, display_name, email, CASE WHEN app_user.attributes <> usr.attributes THEN app_user.attributes END AS attributes FROM app_user WHERE app_user.id = usr.id
      ) AS app) AS profile,
      ARRAY(SELECT reason FROM denial WHERE denial.origin_id = usr.id AND denial.user_id = link.user_id AND reason IN ('idp_inactive', 'idp_deleted', 'poison')) AS denials,
      (SELECT coalesce(jsonb_agg(own), '[]') FROM (SELECT ${identity} FROM identity WHERE identity.directory_user_id = usr.id) AS own) AS identities,
      (SELECT coalesce(jsonb_agg(holder), '[]') FROM (
        SELECT ${identity}, identity.directory_user_id, (
          SELECT to_jsonb(owner) FROM (
            SELECT other.id, tie.user_id, other.connection_id, other.attributes, other.deleted_at IS NOT NULL AS deleted, other.version
            FROM directory_user AS other LEFT JOIN link AS tie ON tie.directory_user_id = other.id WHERE other.id = identity.directory_user_id
          ) AS owner) AS owner
        FROM wanted JOIN identity ON identity.tenant_id = usr.tenant_id AND identity.iss = wanted.iss AND identity.sub_key = wanted.sub_key WHERE wanted.id = usr.id
      ) AS holder) AS holders,
      (SELECT coalesce(jsonb_agg(standing), '[]') FROM (
        SELECT ${standingColumns}, coalesce(revocation.deny AND revocation.reason = 'admin_revoked', false) AS adoptable FROM ${standingTables} WHERE identity.user_id = link.user_id
      ) AS standing) AS standings,
      ARRAY(SELECT group_id FROM membership WHERE membership.id = usr.id AND wanted ORDER BY group_id) AS lacking,
      ARRAY(SELECT group_id FROM membership WHERE membership.id = usr.id AND NOT wanted ORDER BY group_id) AS surplus,
      ${waits(sql`usr.id`)} AS waits, usr.id IN (SELECT id FROM busy) AS groups_wait, ${givenUp(sql`usr.id`)} AS given_up
    FROM directory_user AS usr LEFT JOIN link ON link.directory_user_id = usr.id WHERE usr.id = ANY(${ids})`;
}

/** Whether an event of a subject was given up, and nothing has been applied to the subject since. */
export function givenUp(subject: Sql): Sql {
  return sql`(SELECT true FROM lifecycle_event AS dead WHERE dead.subject_id = ${subject} AND dead.dead_at IS NOT NULL
    AND (SELECT true FROM lifecycle_event AS later WHERE later.subject_id = ${subject} AND later.applied_at > dead.dead_at ORDER BY later.subject_id, later.id LIMIT 1) IS NULL
    ORDER BY dead.subject_id, dead.id LIMIT 1) IS NOT NULL`;
}

function toFacts(row: FactRow, connections: ReadonlyMap<string, Connection>): UserFacts {
  return {
    appliedVersion: row.applied_version ?? undefined,
    profile:
      row.profile === null
        ? undefined
        : {
            userName: row.profile.user_name,
            displayName: row.profile.display_name ?? undefined,
            email: row.profile.email ?? undefined,
            attributes: row.profile.attributes ?? undefined,
          },
    denials: row.denials,
    identities: row.identities.map(toIdentity),
    holders: row.holders.map((holder) => ({
      ...toIdentity(holder),
      directoryUserId: holder.directory_user_id,
      owner: holder.owner === null ? undefined : toState(holder.owner, connections),
    })),
    standings: row.standings.map(toStandingFact),
    memberships: { lacking: row.lacking, surplus: row.surplus },
    isGivenUp: row.given_up,
  };
}

function toIdentity(row: IdentityRow): UserFacts["identities"][number] {
  return { iss: row.iss, sub: row.sub, subKey: row.sub_key, userId: row.user_id, alias: row.alias, linked: row.linked };
}

function toStandingFact({ adoptable, struck_at, ...row }: FactRow["standings"][number]): StandingFact {
  const struckAt = struck_at === null ? null : new Date(struck_at);
  return {
    iss: row.iss,
    subKey: row.sub_key,
    ...toStanding({ ...row, struck_at: struckAt }),
    struckAtMs: struckAt?.getTime(),
    isAdoptable: adoptable,
  };
}
