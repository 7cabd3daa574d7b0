import { isDeepStrictEqual } from "node:util";
import {
  type AttributeTimes,
  decideMissing,
  decideReadBack,
  pullDifferenceOf,
  type ListingFacts,
  type PullDifferenceKind,
  pullRanks,
  type ReadBackRules,
  type ReadUser,
  type UserAttributes,
} from "../domain/index.ts";
import { isNoCanary } from "./canary.ts";
import type { Database, Transaction } from "./database.ts";
import { type DifferenceDetail, type HeldPull, setHeld } from "./pull-lease.ts";
import { isCalledAs } from "./pull-names.ts";
import { type Sql, sql } from "./sql.ts";
import { placesAfter } from "./keyset-place.ts";

/** A difference, before it is kept. */
export type NewDifference = {
  readonly kind: PullDifferenceKind;
  readonly subjectId: string | null;
  readonly providerId: string | null;
  readonly name: string;
  readonly detail: DifferenceDetail;
  /** Whether somebody who may enter would not any more. */
  readonly counted: boolean;
};

// What one transaction looks at: few enough for its memory and its time, whatever the listing is.
const usersAtOnce = 2_000;
const missingAtOnce = 5_000;

/** What the listing looks like as a whole, beside the directory. */
export async function readListingFacts(
  database: Database,
  held: HeldPull,
  { idAttribute }: ReadBackRules,
): Promise<ListingFacts> {
  const [row] = await database.once<Omit<ListingFacts, "listed">>(
    held.tenantId,
    sql`SELECT count(*) AS living, count(*) FILTER (WHERE ${isListed(held.id, idAttribute)}) AS known, count(*) FILTER (WHERE ${isNamed(held.id)}) AS named,
        (extract(epoch FROM clock_timestamp() - ${held.askedAt}::timestamptz) * 1000)::float8 AS "tookMs"
      FROM directory_user AS usr WHERE usr.connection_id = ${held.connectionId} AND usr.deleted_at IS NULL AND usr.created_at < ${held.askedAt} AND ${isPerson}`,
  );
  if (row === undefined) throw new Error("a listing was not counted");
  return { listed: held.listed, ...row };
}

/** A canary's user is no person, and no provider knows it. */
const isPerson = isNoCanary(sql`usr.id`);

/** Whether a directory user is in the listing. */
function isListed(runId: string, idAttribute: ReadBackRules["idAttribute"]): Sql {
  if (idAttribute === "none") return isNamed(runId);
  return sql`CASE WHEN usr.external_id IS NULL THEN ${isNamed(runId)}
    ELSE EXISTS (SELECT FROM pull_user WHERE run_id = ${runId} AND pull_user.provider_id = usr.external_id) END`;
}

function isNamed(runId: string): Sql {
  return sql`EXISTS (SELECT FROM pull_user WHERE run_id = ${runId} AND pull_user.user_name_key = usr.user_name_key)`;
}

type ComparedRow = {
  provider_id: string;
  said: UserAttributes;
  id: string | null;
  attributes: UserAttributes;
  deleted: boolean;
  stated_at: Date | null;
  attribute_times: AttributeTimes | null;
  updated_at: Date;
  created_at: Date;
  shut_out_by: "scim" | "other" | null;
};

/** Compares some of those who were listed with the directory, and keeps what differs. Answers whether there are more. Throws `PullLost`. */
export async function compareListed(
  database: Database,
  held: HeldPull,
  rules: ReadBackRules,
): Promise<string | undefined> {
  return database.inTenant(held.tenantId, async (transaction) => {
    const last = await nextPlace(
      transaction,
      sql`SELECT provider_id FROM pull_user WHERE run_id = ${held.id} AND ${placesAfter(sql`provider_id`, held.mark)} ORDER BY provider_id LIMIT ${usersAtOnce}`,
      sql`provider_id`,
    );
    if (last === undefined) return undefined;
    const rows = await transaction.query<ComparedRow>(candidates(held, rules, last));
    await keepDifferences(
      transaction,
      held,
      rows.flatMap((row) => decideRow(row, held, rules) ?? []),
    );
    await setHeld(transaction, held, sql`mark = ${last}, attempts = 0`);
    return last;
  });
}

/** Those of a stretch of the listing who may differ: what the provider says of all others the directory has already. */
function candidates(held: HeldPull, rules: ReadBackRules, last: string): Sql {
  return sql`
    SELECT page.provider_id, page.attributes AS said, usr.id, usr.attributes, usr.deleted_at IS NOT NULL AS deleted, usr.stated_at, usr.attribute_times,
      usr.updated_at, usr.created_at,
      CASE WHEN usr.active AND usr.deleted_at IS NULL THEN NULL ELSE (
        SELECT CASE WHEN source = 'scim' THEN 'scim' ELSE 'other' END FROM lifecycle_event
        WHERE subject_id = usr.id AND (kind IN ('user.deactivated', 'user.deleted') OR kind = 'user.created' AND denying)
        ORDER BY id DESC LIMIT 1) END AS shut_out_by
    FROM pull_user AS page LEFT JOIN LATERAL (
      SELECT * FROM directory_user WHERE directory_user.connection_id = ${held.connectionId} AND ${isCalledAs(sql`page`, rules.idAttribute)}
      ORDER BY deleted_at DESC NULLS FIRST LIMIT 1
    ) AS usr ON true
    WHERE page.run_id = ${held.id} AND ${placesAfter(sql`page.provider_id`, held.mark)} AND page.provider_id <= ${last}
      AND page.attributes <> '{}'::jsonb
      AND (usr.id IS NULL OR usr.deleted_at IS NOT NULL OR NOT usr.attributes @> (page.attributes - ${rules.idAttribute === "none" ? "externalId" : ""}::text)
        -- That all it says is there does not say that no more is there.
        OR EXISTS (SELECT FROM jsonb_each(page.attributes) AS said WHERE jsonb_typeof(said.value) = 'array'
          AND jsonb_array_length(said.value) <> jsonb_array_length(usr.attributes -> said.key)))`;
}

function decideRow(row: ComparedRow, held: HeldPull, rules: ReadBackRules): NewDifference | undefined {
  const askedAt = held.askedAt ?? new Date(0);
  const user: ReadUser | undefined =
    row.id === null
      ? undefined
      : {
          attributes: row.attributes,
          deleted: row.deleted,
          statedAt: row.stated_at ?? undefined,
          attributeTimes: row.attribute_times ?? undefined,
          updatedAt: row.updated_at,
          createdAt: row.created_at,
          isNewer: row.updated_at >= askedAt || (row.stated_at !== null && row.stated_at > askedAt),
          shutOutBy: row.shut_out_by ?? (row.deleted || !row.attributes.active ? "other" : undefined),
        };
  const answer = { kind: "found", id: row.provider_id, attributes: row.said } as const;
  const decision = decideReadBack(answer, user, { askedAt, absentSince: undefined, apartMs: 0 }, rules);
  const difference = pullDifferenceOf(decision, user, isDeepStrictEqual);
  return (
    difference && {
      kind: difference.kind,
      subjectId: row.id,
      providerId: row.provider_id,
      name: row.said.userName,
      detail: { attributes: difference.names },
      counted: difference.kind === "shut_out",
    }
  );
}

type MissingRow = {
  id: string;
  user_name: string;
  external_id: string | null;
  active: boolean;
  created_at: Date;
  said_at: Date;
  since: Date | null;
};

/** Looks for some of the directory's users whom the listing has left out, and keeps them. Answers whether there are more. Throws `PullLost`. */
export async function compareMissing(
  database: Database,
  held: HeldPull,
  rules: ReadBackRules,
): Promise<string | undefined> {
  return database.inTenant(held.tenantId, async (transaction) => {
    const stretch = sql`directory_user WHERE connection_id = ${held.connectionId} AND deleted_at IS NULL AND ${placesAfter(sql`id`, held.mark)}`;
    const last = await nextPlace(
      transaction,
      sql`SELECT id FROM ${stretch} ORDER BY id LIMIT ${missingAtOnce}`,
      sql`id::text`,
    );
    if (last === undefined) return undefined;
    const rows = await transaction.query<MissingRow>(sql`
      SELECT usr.id, usr.user_name, usr.external_id, usr.active, usr.created_at, greatest(usr.updated_at, usr.stated_at) AS said_at, absence.since
      FROM (SELECT * FROM ${stretch} AND id <= ${last}::uuid) AS usr
      LEFT JOIN pull_absence AS absence ON absence.connection_id = ${held.connectionId} AND absence.subject_id = usr.id
      WHERE ${isPerson} AND NOT ${isListed(held.id, rules.idAttribute)}`);
    const missing = rows.flatMap((row): readonly NewDifference[] => {
      const subject = { createdAt: row.created_at, saidAt: row.said_at, missingSince: row.since ?? undefined };
      const kind = decideMissing(subject, held.askedAt ?? new Date(0));
      if (kind === "newer") return [];
      const counted = kind === "gone" && row.active;
      return [{ kind, subjectId: row.id, providerId: row.external_id, name: row.user_name, detail: {}, counted }];
    });
    await keepDifferences(transaction, held, missing);
    await setHeld(transaction, held, sql`mark = ${last}, attempts = 0`);
    return last;
  });
}

/** The end of the next stretch of a walk; undefined where there is nothing left. */
export async function nextPlace(transaction: Transaction, stretch: Sql, place: Sql): Promise<string | undefined> {
  const [row] = await transaction.query<{ last: string | null }>(
    sql`SELECT max(${place}) AS last FROM (${stretch}) AS stretch`,
  );
  return row?.last ?? undefined;
}

export async function keepDifferences(
  transaction: Transaction,
  { id, tenantId }: HeldPull,
  differences: readonly NewDifference[],
): Promise<void> {
  if (differences.length === 0) return;
  const of = <Value>(value: (one: NewDifference) => Value): readonly Value[] => differences.map(value);
  await transaction.query(sql`
    INSERT INTO pull_difference (run_id, tenant_id, kind, subject_kind, subject_id, provider_id, name, detail, rank, counted)
    SELECT ${id}, ${tenantId}, one.kind, one.subject_kind, one.subject_id, one.provider_id, one.name, one.detail::jsonb, one.rank, one.counted
    FROM unnest(${of(({ kind }) => kind)}::text[], ${of(({ kind }) => subjectKindOf(kind))}::text[], ${of(({ subjectId }) => subjectId)}::uuid[], ${of(({ providerId }) => providerId)}::text[],
      ${of(({ name }) => name)}::text[], ${of(({ detail }) => JSON.stringify(detail))}::text[], ${of(({ kind }) => pullRanks[kind])}::smallint[], ${of(({ counted }) => counted)}::boolean[])
      AS one (kind, subject_kind, subject_id, provider_id, name, detail, rank, counted)`);
}

function subjectKindOf(kind: PullDifferenceKind): "user" | "group" {
  return kind === "membership" || kind.includes("group") ? "group" : "user";
}
