import { DirectoryError, type Listing, type Page, type PageRequest, type Place } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { isLookup } from "./directory-filter.ts";
import { lookupIn, lookUp } from "./directory-lookup.ts";
import { type ListedRow, toListed } from "./listed-row.ts";
import { type Counting, pageStatement, type Slice, totalStatement } from "./list-statement.ts";
import { createPageMarks, listName, type PageMarks } from "./page-marks.ts";
import { passing, type Sql, sql } from "./sql.ts";

export type DirectoryLists = {
  /**
   * One page of a connection's living users, groups or both. Throws `filter_invalid` for what cannot
   * be answered, and `too_many` for a search that takes too long.
   */
  list(tenantId: string, connectionId: string, listing: Listing, request: PageRequest): Promise<Page>;
};

export type ListLimits = {
  readonly now: () => number;
  /** How long one search may keep the database busy. */
  readonly searchMsMax?: number;
};

type Row = ListedRow & { total: number; nth: number | null; key: string | null };
type Lists = { readonly database: Database; readonly marks: PageMarks; readonly searchMsMax: number };
type Found = { readonly total: number; readonly rows: readonly Row[] };

const queryCanceled = "57014";
/** Skipping so few costs less than asking first from which end it is nearer. */
const skippedMin = 1_000;

/** Lists of the directory, for SCIM. Pages cost the same at any depth: they are found by place, not by counting to them. */
export function createDirectoryLists(database: Database, { now, searchMsMax = 10_000 }: ListLimits): DirectoryLists {
  const lists: Lists = { database, marks: createPageMarks(now), searchMsMax };
  return {
    list: (tenantId, connectionId, listing, request) =>
      request.by === "index"
        ? listByIndex(lists, tenantId, connectionId, listing, request)
        : listByPlace(lists, tenantId, connectionId, listing, request),
  };
}

async function listByIndex(
  lists: Lists,
  tenantId: string,
  connectionId: string,
  listing: Listing,
  { startIndex, count }: Extract<PageRequest, { by: "index" }>,
): Promise<Page> {
  const lookup = startIndex === 1 ? lookupIn(listing) : undefined;
  const found = lookup && (await lookUp(lists.database, tenantId, connectionId, lookup, count));
  if (found !== undefined) return { total: found.length, resources: found, next: undefined, previous: undefined };

  const name = listName(tenantId, connectionId, listing);
  const place = startIndex === 1 ? undefined : lists.marks.find(name, startIndex);
  const slice =
    place === undefined
      ? await counted(lists, tenantId, connectionId, listing, startIndex - 1, count)
      : { backward: false, place, skipped: undefined, limit: count };
  const { total, rows } = await read(lists, tenantId, connectionId, listing, slice, "all");
  const last = rows.at(-1);
  if (last !== undefined) lists.marks.set(name, startIndex + rows.length, placeOf(last));
  return { total, resources: rows.map(toListed), next: undefined, previous: undefined };
}

/** A slice by number, from the end that is nearer where that is worth asking. */
async function counted(
  { database }: Lists,
  tenantId: string,
  connectionId: string,
  listing: Listing,
  skipped: number,
  count: number,
): Promise<Slice> {
  const forward = {
    backward: false,
    place: undefined,
    skipped: skipped === 0 ? undefined : sql`${skipped}`,
    limit: count,
  };
  if (skipped < skippedMin || listing.parts.some(({ filter }) => filter !== undefined)) return forward;
  const [row] = await database.once<{ total: number }>(tenantId, totalStatement(connectionId, listing));
  if (row === undefined || skipped <= row.total / 2) return forward;
  // In the page's own snapshot, where the total may be another by now.
  const beyond = sql`(SELECT total - ${skipped}::bigint FROM counted)`;
  return {
    backward: true,
    place: undefined,
    skipped: sql`greatest(0, ${beyond} - ${count}::bigint)`,
    limit: sql`least(${count}::bigint, greatest(0, ${beyond}))`,
  };
}

async function listByPlace(
  lists: Lists,
  tenantId: string,
  connectionId: string,
  listing: Listing,
  { side, place, count, total: known }: Extract<PageRequest, { by: "place" }>,
): Promise<Page> {
  const backward = side === "before";
  // One more than the page holds tells whether another page follows.
  const slice = { backward, place, skipped: undefined, limit: count + 1 };
  const filtered = listing.parts.some(({ filter }) => filter !== undefined);
  const counting = filtered && known !== undefined ? "nothing" : "all";
  const { total, rows } = await read(lists, tenantId, connectionId, listing, slice, counting);
  const more = rows.length > count;
  const shown = !more ? rows : backward ? rows.slice(1) : rows.slice(0, count);
  const [first, last] = [shown.at(0), shown.at(-1)];
  return {
    total: counting === "all" ? total : (known ?? total),
    resources: shown.map(toListed),
    next: (backward || more) && last !== undefined ? placeOf(last) : undefined,
    previous: (backward ? more : place !== undefined) && first !== undefined ? placeOf(first) : undefined,
  };
}

/** Runs a page's statement and answers its rows in the list's order. */
async function read(
  lists: Lists,
  tenantId: string,
  connectionId: string,
  listing: Listing,
  slice: Slice,
  counting: Counting,
): Promise<Found> {
  const statement = pageStatement(connectionId, listing, slice, counting);
  const rows = isCommon(listing)
    ? await lists.database.once<Row>(tenantId, statement)
    : await search(lists, tenantId, passing(statement));
  const found = rows.filter(({ nth }) => nth !== null);
  return { total: rows[0]?.total ?? 0, rows: slice.backward ? found.toReversed() : found };
}

/** Whether a list is one that many ask for, and that an index answers. */
function isCommon({ parts, sort }: Listing): boolean {
  return sort === undefined && parts.every(({ filter }) => filter === undefined || isLookup(filter));
}

async function search({ database, searchMsMax }: Lists, tenantId: string, statement: Sql): Promise<readonly Row[]> {
  try {
    return await database.inTenant(tenantId, async (transaction) => {
      const [, rows] = await Promise.all([
        transaction.query(sql`SELECT set_config('statement_timeout', ${String(searchMsMax)}, true)`),
        transaction.query<Row>(statement),
      ]);
      return rows;
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== queryCanceled) throw error;
    throw new DirectoryError(
      "too_many",
      "the search takes too long: narrow it by userName, displayName, externalId, id or emails, and sort by userName or displayName",
      { cause: error },
    );
  }
}

function placeOf({ id, key }: Row): Place {
  return { id, key };
}
