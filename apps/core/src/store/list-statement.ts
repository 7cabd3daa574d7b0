import type { Listing, Place, ResourceKind } from "../domain/index.ts";
import { livingCount } from "./directory-counts.ts";
import { filterSql } from "./directory-filter.ts";
import { tables } from "./resource-columns.ts";
import { type KeyType, keyTypeOf, type SortKey, sortKeyOf } from "./sort-key.ts";
import { joinSql, Sql, sql } from "./sql.ts";

/** Which resources of a list's order: from one side of a place on, or past a number of them. */
export type Slice = {
  /** Against the list's order, for what lies before a place. */
  readonly backward: boolean;
  readonly place: Place | undefined;
  readonly skipped: Sql | undefined;
  readonly limit: number | Sql;
};

/** How many resources a page statement counts beside: all that the filter finds, what the caller knows already. */
export type Counting = "all" | "nothing";

/** One kind of a list, as rows of `kind`, `id` and, in a sorted list, `key`. */
type Part = { readonly kind: ResourceKind; readonly key: SortKey | undefined; readonly condition: Sql };

type Plan = {
  readonly connectionId: string;
  readonly parts: readonly Part[];
  readonly filtered: boolean;
  readonly keyType: KeyType | undefined;
  readonly descending: boolean;
};

/** How many a list has in all, where no filter narrows it. */
export function totalStatement(connectionId: string, { parts }: Listing): Sql {
  return sql`SELECT ${sum(parts.map(({ kind }) => livingCount(connectionId, kind)))} AS total`;
}

/**
 * One page with, where asked, the number of all, in one snapshot. The page is found by ids and keys,
 * which indexes hold, and only then are the resources themselves read.
 */
export function pageStatement(connectionId: string, listing: Listing, slice: Slice, counting: Counting): Sql {
  const plan = planOf(connectionId, listing);
  const descending = plan.descending !== slice.backward;
  const { before, rows, total } =
    plan.filtered && counting === "all" ? searched(plan, slice, descending) : walked(plan, slice, descending, counting);
  const unique = plan.parts.every(({ key }) => key?.unique === true);
  const sorted = order(plan, descending, sql`key`, unique);
  const skipped = slice.skipped === undefined ? sql`` : sql` OFFSET ${slice.skipped}`;
  return sql`
    WITH ${before}counted AS (SELECT ${total} AS total), page AS (
      SELECT listed.*, row_number() OVER (ORDER BY ${sorted}) AS nth FROM (
        SELECT * FROM ${rows} AS found ORDER BY ${sorted} LIMIT ${slice.limit}${skipped}
      ) AS listed
    ), shown AS (
      ${union(plan.parts.map((part) => shownOf(part, plan)))}
    )
    SELECT counted.total, shown.* FROM counted LEFT JOIN shown ON true ORDER BY nth`;
}

/** Where a page's rows come from: what the statement begins with, the rows themselves, and how many there are in all. */
type Source = { readonly before: Sql; readonly rows: Sql; readonly total: Sql };

/**
 * A filter is searched for once, for the page and for the number, and by the index that suits it:
 * with an order and a limit in sight the planner would walk that order instead.
 */
function searched(plan: Plan, { place }: Slice, descending: boolean): Source {
  return {
    before: sql`matching AS MATERIALIZED (${union(plan.parts.map((part) => rowsOf(part, plan)))}), `,
    rows: sql`(SELECT * FROM matching WHERE ${beyond(plan, place, descending)})`,
    total: sql`(SELECT count(*) FROM matching)`,
  };
}

/** Otherwise the order is walked, no further than the page goes. */
function walked(plan: Plan, slice: Slice, descending: boolean, counting: Counting): Source {
  const counts = plan.parts.map(({ kind }) => livingCount(plan.connectionId, kind));
  return {
    before: sql``,
    rows: sliced(plan, slice, descending),
    total: counting === "nothing" ? sql`0::bigint` : sum(counts),
  };
}

function planOf(connectionId: string, { parts, sort, base }: Listing): Plan {
  const alone = parts.length === 1;
  return {
    connectionId,
    filtered: parts.some(({ filter }) => filter !== undefined),
    keyType: sort && keyTypeOf(sort.as),
    descending: sort?.descending ?? false,
    parts: parts.map((part) => {
      const searched = { kind: part.kind, connectionId, base };
      const key = sort && sortKeyOf(part, sort.as, searched);
      const living = sql`connection_id = ${connectionId} AND deleted_at IS NULL`;
      return {
        kind: part.kind,
        key: key && { ...key, unique: key.unique && alone },
        condition: part.filter === undefined ? living : sql`${living} AND ${filterSql(part.filter, searched)}`,
      };
    }),
  };
}

function rowsOf({ kind, key, condition }: Part, { keyType }: Plan, further: Sql = sql``): Sql {
  const keyed = keyType === undefined || key === undefined ? sql`` : sql`, ${key.value} AS key`;
  return sql`SELECT ${kind}::text AS kind, id${keyed} FROM ${tables[kind]} WHERE ${condition}${further}`;
}

/** What lies beyond a place, each kind by itself and no more of it than the page holds, so that its index finds it. */
function sliced(plan: Plan, { place, skipped, limit }: Slice, descending: boolean): Sql {
  if (place === undefined && (skipped !== undefined || plan.parts.length === 1)) {
    return sql`(${union(plan.parts.map((part) => rowsOf(part, plan)))})`;
  }
  const pieces = plan.parts.flatMap((part) =>
    stretches(part, plan, place, descending).map((stretch) => {
      const sorted = order(plan, descending, part.key?.value ?? sql`id`, part.key?.unique);
      return sql`(${rowsOf(part, plan, stretch)} ORDER BY ${sorted} LIMIT ${limit})`;
    }),
  );
  return sql`(${union(pieces)})`;
}

/**
 * The stretches of one kind's order that lie beyond a place. Those without a value are a stretch of
 * their own, last in ascending order and first in descending (RFC 7644 §3.4.2.3): an index finds
 * the beginning of either, but of no "or" of both.
 */
function stretches({ key }: Part, plan: Plan, place: Place | undefined, descending: boolean): readonly Sql[] {
  const after = descending ? new Sql(["<"], []) : new Sql([">"], []);
  if (place === undefined) return [sql``];
  if (key === undefined || plan.keyType === undefined) return [sql` AND id ${after} ${place.id}`];
  const without = sql` AND ${key.value} IS NULL`;
  const [withValue, withoutBeyond] = [sql` AND ${key.value} IS NOT NULL`, sql`${without} AND id ${after} ${place.id}`];
  if (place.key === null) return descending ? [withoutBeyond, withValue] : [withoutBeyond];
  const value = typed(place.key, plan.keyType);
  const beyondValue = key.unique
    ? sql` AND ${key.value} ${after} ${value}`
    : sql` AND (${key.value}, id) ${after} (${value}, ${place.id}::uuid)`;
  return descending || !key.nullable ? [beyondValue] : [beyondValue, without];
}

/** The same, of rows that are found already. */
function beyond({ keyType }: Plan, place: Place | undefined, descending: boolean): Sql {
  if (place === undefined) return sql`true`;
  const after = descending ? new Sql(["<"], []) : new Sql([">"], []);
  if (keyType === undefined) return sql`id ${after} ${place.id}`;
  const withoutValue = sql`(key IS NULL AND id ${after} ${place.id})`;
  if (place.key === null) return descending ? sql`(${withoutValue} OR key IS NOT NULL)` : withoutValue;
  const value = sql`((key, id) ${after} (${typed(place.key, keyType)}, ${place.id}::uuid))`;
  return descending ? value : sql`(${value} OR key IS NULL)`;
}

function order({ keyType }: Plan, descending: boolean, key: Sql, unique = false): Sql {
  const [direction, nulls] = descending ? [sql` DESC`, sql` NULLS FIRST`] : [sql``, sql` NULLS LAST`];
  if (keyType === undefined) return sql`id${direction}`;
  return unique ? sql`${key}${direction}` : sql`${key}${direction}${nulls}, id${direction}`;
}

/** One row at a time, by its id: a planner that expects a tenth of the table would read all of it. */
function shownOf({ kind }: Part, { keyType }: Plan): Sql {
  const key = keyType === undefined ? sql`NULL::text` : sql`page.key::text`;
  return sql`SELECT page.nth, page.kind, ${key} AS key, resource.* FROM page, LATERAL (
      SELECT id, attributes, version, created_at, updated_at FROM ${tables[kind]} WHERE id = page.id OFFSET 0
    ) AS resource WHERE page.kind = ${kind}`;
}

function typed(key: string, type: KeyType): Sql {
  switch (type) {
    case "text":
      return sql`${key}::text COLLATE "C"`;
    case "numeric":
      return sql`${key}::numeric`;
    case "timestamptz":
      return sql`${key}::timestamptz`;
  }
}

function union(pieces: readonly Sql[]): Sql {
  return joinSql(pieces, " UNION ALL ");
}

function sum(numbers: readonly Sql[]): Sql {
  return joinSql(numbers, " + ");
}
