import type { ExplainCandidate, RevocationFact } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { type Enforcement, isFollowed } from "./enforcement.ts";
import { keyTarget, type RevocationKey } from "./key-revocations.ts";
import { sql } from "./sql.ts";

/** What a token or a question names that an entry may strike. */
export type Asked = {
  readonly iss: string | undefined;
  readonly sub: string;
  readonly session?: string | undefined;
  readonly tokenId?: string | undefined;
};

/** What stands, its key, and how far the tenant's own gateways are with it. */
export type StandingFact = {
  readonly key: RevocationKey;
  readonly own: Enforcement;
  readonly fact: Omit<RevocationFact, "houseSeq" | "enforcedAt">;
};

type RevocationRow = {
  iss: string;
  sub: string;
  followed: boolean;
  scope: RevocationFact["scope"];
  deny: boolean;
  nbf: number | null;
  reason: string;
  since: Date;
  published: boolean;
  forgotten_at: Date | null;
  by: string | null;
  seq: number | null;
  enforced_at: Date | null;
};

const factsMax = 20;
const narrowMax = 1_000;

/** How many single sessions and tokens of an issuer are denied. */
export async function countNarrowDenials(transaction: Transaction, iss: string): Promise<number> {
  const [row] = await transaction.query<{ count: number }>(sql`
    SELECT count(*) FROM (
      SELECT FROM revocation WHERE tenant_id = rollcall_tenant() AND scope IN ('sid', 'jti') AND iss = ${iss} AND deny LIMIT ${narrowMax}
    ) AS narrow`);
  return row?.count ?? 0;
}

/** What stands against a subject, its session, its token or its issuer, denials first, with who enforces it. */
export async function readRevocationFacts(
  transaction: Transaction,
  { iss, session, tokenId }: Asked,
  keys: readonly string[],
  candidates: readonly ExplainCandidate[],
  feed: { readonly tenantId: string; readonly staleSec: number },
): Promise<readonly StandingFact[]> {
  const named = iss === undefined ? [] : keys.map((sub) => keyTarget({ scope: "sub", iss, sub }));
  const targets = [...candidates.map(({ userId }) => userId), ...named];
  // Sessions, tokens and issuers are nobody's without their issuer.
  const rows = await transaction.query<RevocationRow>(sql`
    SELECT revocation.scope, revocation.iss, revocation.sub, ${isFollowed(feed.tenantId, feed.staleSec)} AS followed, deny, revocation.nbf, revocation.reason, revocation.applied_at AS since, forgotten_at,
      NOT EXISTS (SELECT FROM feed_pending AS pending
        WHERE pending.scope = revocation.scope AND pending.iss = revocation.iss AND pending.sub = revocation.sub) AS published,
      CASE WHEN revocation.reason LIKE 'admin%' AND revocation.scope = 'sub' THEN (
        SELECT actor FROM audit WHERE target = ANY(${targets}::text[]) AND action = CASE revocation.reason WHEN 'admin_suspended' THEN 'user.suspend' ELSE 'revocation.deny' END
        ORDER BY id DESC LIMIT 1
      ) END AS by,
      entry.seq, (SELECT enforced_at FROM feed_mark AS mark WHERE mark.tenant_id = entry.tenant_id AND mark.seq >= entry.seq ORDER BY mark.seq LIMIT 1) AS enforced_at
    FROM revocation
    LEFT JOIN feed_entry AS entry ON entry.tenant_id = revocation.tenant_id AND entry.scope = revocation.scope
      AND entry.iss = revocation.iss AND entry.sub = revocation.sub AND entry.superseded_by IS NULL
    WHERE (deny OR revocation.nbf IS NOT NULL) AND (
      (revocation.scope = 'sub' AND revocation.sub = ANY(${keys}::text[]) AND (${iss ?? null}::text IS NULL OR revocation.iss = ${iss ?? null}::text))
      OR (revocation.iss = ${iss ?? null}::text AND (revocation.scope = 'iss'
        OR (revocation.scope = 'sid' AND revocation.sub = ${session ?? null}::text) OR (revocation.scope = 'jti' AND revocation.sub = ${tokenId ?? null}::text))))
    ORDER BY deny DESC, revocation.scope DESC, revocation.iss, revocation.sub LIMIT ${factsMax}`);
  return rows.map((row) => ({
    key: { scope: row.scope, iss: row.iss, sub: row.sub },
    own: { seq: row.seq ?? undefined, enforcedAt: row.enforced_at ?? undefined, isFollowed: row.followed },
    fact: {
      deny: row.deny,
      nbf: row.nbf ?? undefined,
      reason: row.reason,
      since: row.since,
      by: row.by ?? undefined,
      published: row.published,
      scope: row.scope,
      forgottenAt: row.forgotten_at ?? undefined,
      seq: row.seq ?? undefined,
    },
  }));
}
