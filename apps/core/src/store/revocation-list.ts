import type { Database } from "./database.ts";
import { enforcedBy, isFollowed, readHouseEnforcement } from "./enforcement.ts";
import type { RevocationKey } from "./key-revocations.ts";
import { sql } from "./sql.ts";
import { joinEach } from "./index-condition.ts";
import { placesAfter } from "./keyset-place.ts";

export type Revocation = RevocationKey & {
  readonly deny: boolean;
  readonly nbf: number | null;
  readonly origin: string;
  readonly reason: string;
  readonly acceptedAt: Date;
  readonly appliedAt: Date;
  /** When an admin's denial ends by itself. */
  readonly expiresAt: Date | null;
  /** Since when gateways are told of it no more, for no token lives that it could refuse. */
  readonly forgottenAt: Date | null;
  /** The feed's sequence that has it; null while it waits to be published. */
  readonly seq: number | null;
  /** Since when every gateway that can be counted on enforces it; null before. */
  readonly enforcedAt: Date | null;
};

/** What is revoked, in the order of scope, issuer and subject; `next` is the last key, for `after`. */
export async function listRevocations(
  database: Database,
  tenantId: string,
  after: RevocationKey | undefined,
  limit: number,
  staleSec: number,
): Promise<{ readonly items: readonly Revocation[]; readonly next: RevocationKey | undefined }> {
  const rows = await database.once<Revocation & { followed: boolean }>(
    tenantId,
    sql`SELECT listed.*, entry.seq, ${isFollowed(tenantId, staleSec)} AS followed, (
          SELECT enforced_at FROM feed_mark AS mark WHERE mark.tenant_id = ${tenantId} AND mark.seq >= entry.seq ORDER BY mark.seq LIMIT 1
        ) AS "enforcedAt"
      FROM (
        SELECT scope, iss, sub, deny, nbf, origin, reason, accepted_at AS "acceptedAt", applied_at AS "appliedAt", expires_at AS "expiresAt",
          forgotten_at AS "forgottenAt"
        FROM revocation
        WHERE tenant_id = ${tenantId} AND (deny OR nbf IS NOT NULL)
          AND ${placesAfter(sql`(scope, iss, sub)`, after && sql`(${after.scope}, ${after.iss}, ${after.sub})`)}
        ORDER BY scope, iss, sub LIMIT ${limit + 1}
      ) AS listed
      ${joinEach(
        sql`entry`,
        sql`SELECT seq FROM feed_entry AS own WHERE own.tenant_id = ${tenantId} AND own.scope = listed.scope AND own.iss = listed.iss AND own.sub = listed.sub
          AND own.superseded_by IS NULL`,
      )}
      ORDER BY listed.scope, listed.iss, listed.sub`,
  );
  const listed = rows.slice(0, limit);
  const inHouse = await readHouseEnforcement(
    database,
    tenantId,
    listed.map(({ scope, iss, sub, seq }) => ({ scope, iss, sub, seq: seq ?? undefined })),
    staleSec,
  );
  const items = listed.map(({ followed, ...revocation }, at): Revocation => {
    const own = { seq: undefined, enforcedAt: revocation.enforcedAt ?? undefined, isFollowed: followed };
    const house = inHouse[at];
    return { ...revocation, enforcedAt: enforcedBy(house === undefined ? [own] : [own, house]) ?? null };
  });
  const last = items.at(-1);
  const next =
    rows.length > limit && last !== undefined ? { scope: last.scope, iss: last.iss, sub: last.sub } : undefined;
  return { items, next };
}
