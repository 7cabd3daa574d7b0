import type { Database } from "./database.ts";
import { houseFeedId } from "./feeds.ts";
import { isSighted } from "./gateways.ts";
import { joinEach } from "./index-condition.ts";
import type { RevocationKey } from "./key-revocations.ts";
import { type Sql, sql } from "./sql.ts";

/** An entry, as one feed has it. */
export type Enforcement = {
  /** Its sequence in that feed; undefined where the feed does not have it. */
  readonly seq: number | undefined;
  /** Since when the slowest gateway of that feed that can be counted on had passed it. */
  readonly enforcedAt: Date | undefined;
  /** Somebody follows that feed who can be counted on. */
  readonly isFollowed: boolean;
};

type PublishedKey = RevocationKey & { readonly seq: number | undefined };
type SourceRow = { slug: string; taken: number };
type HouseRow = { at: number; seq: number | null; enforced_at: Date | null; followed: boolean };

const unfollowed: Enforcement = { seq: undefined, enforcedAt: undefined, isFollowed: false };

/** Whether a gateway that can be counted on follows a feed. */
export function isFollowed(feedId: string, staleSec: number): Sql {
  return sql`EXISTS (SELECT FROM receipt WHERE receipt.tenant_id = ${feedId} AND ${isSighted(staleSec)})`;
}

/**
 * Since when everybody who can be counted on enforces an entry, whichever feed they follow: since the
 * later of the two. Undefined while a feed that is followed has not brought it to all of its own.
 */
export function enforcedBy(feeds: readonly Enforcement[]): Date | undefined {
  const asked = feeds.filter((feed) => feed.isFollowed || feed.enforcedAt !== undefined);
  const times = asked.flatMap(({ enforcedAt }) => (enforcedAt === undefined ? [] : [enforcedAt]));
  if (times.length < asked.length) return undefined;
  return times.toSorted((a, b) => b.getTime() - a.getTime())[0];
}

/** The same keys in the feed of all tenants, in their order. It has an entry once it has taken it from the tenant's own feed. */
export async function readHouseEnforcement(
  database: Database,
  tenantId: string,
  keys: readonly PublishedKey[],
  staleSec: number,
): Promise<readonly Enforcement[]> {
  const [source] = await database.house<SourceRow>(sql`
    SELECT tenant.slug, coalesce(source.seq, 0) AS taken FROM tenant
    JOIN feed_meta AS meta ON meta.tenant_id = ${houseFeedId} LEFT JOIN feed_source AS source ON source.source_id = tenant.id
    WHERE tenant.id = ${tenantId}`);
  if (source === undefined || keys.length === 0) return keys.map(() => unfollowed);
  const named = keys.map((key) => keyInHouse(key, source));
  const rows = await database.once<HouseRow>(
    houseFeedId,
    sql`SELECT named.at, entry.seq, mark.enforced_at, ${isFollowed(houseFeedId, staleSec)} AS followed
      FROM unnest(${named.map((_, at) => at)}::int[], ${named.map(({ scope }) => scope)}::text[], ${named.map(({ iss }) => iss)}::text[],
        ${named.map(({ sub }) => sub)}::text[], ${named.map(({ tid }) => tid)}::text[]) AS named(at, scope, iss, sub, tid)
      ${joinEach(
        sql`entry`,
        sql`SELECT seq FROM feed_entry WHERE tenant_id = ${houseFeedId} AND scope = named.scope AND iss = named.iss AND sub = named.sub
          AND tid IS NOT DISTINCT FROM named.tid AND superseded_by IS NULL`,
      )}
      LEFT JOIN LATERAL (
        SELECT enforced_at FROM feed_mark WHERE tenant_id = ${houseFeedId} AND feed_mark.seq >= entry.seq ORDER BY feed_mark.seq LIMIT 1
      ) AS mark ON true
      ORDER BY named.at`,
  );
  return rows.map((row) => ({
    seq: row.seq ?? undefined,
    enforcedAt: row.enforced_at ?? undefined,
    isFollowed: row.followed,
  }));
}

/** What the feed of all tenants calls a tenant's key. Nothing has the scope `none`: what it has not taken, it has not. */
function keyInHouse({ scope, iss, sub, seq }: PublishedKey, { slug, taken }: SourceRow) {
  const isTaken = seq !== undefined && seq <= taken && scope !== "tenant";
  if (!isTaken) return { scope: "none", iss, sub, tid: slug };
  return scope === "iss" ? { scope: "tenant", iss, sub: slug, tid: null } : { scope, iss, sub, tid: slug };
}
