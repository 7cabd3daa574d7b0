import {
  type Bearer,
  type Database,
  findTenant,
  houseFeedId,
  minuteOf,
  recordRefusals,
  type RefusalBatch,
  type RefusalCount,
  tenantsOfIssuer,
  unreported,
} from "@rollcall/core/store";
import type { RefusalReport } from "@rollcall/guard";
import { parseRefusalReport } from "./refusal-report.ts";

export type RefusalTaker = {
  /** Notes what a gateway refused, for each tenant whose tokens it was. A report that comes again changes nothing. */
  take(bearer: Pick<Bearer, "tenantId">, body: unknown): Promise<void>;
};

/** Whose token a gateway of all tenants refused, as far as it can tell. */
type Whose = { readonly tenant?: string | undefined; readonly iss?: string | undefined };

const rememberedMax = 10_000;
const houseGateway = "a gateway of all tenants";

export function createRefusalTaker(database: Database, now: () => number): RefusalTaker {
  const tenants = new Map<string, string>();

  async function tenantNamed(slug: string): Promise<string | undefined> {
    const id = tenants.get(slug) ?? (await findTenant(database, slug))?.id;
    if (tenants.size >= rememberedMax) tenants.clear();
    if (id !== undefined) tenants.set(slug, id);
    return id;
  }
  /** The tenant that the token named, or the only one that names its issuer; else the refusal is the house's. */
  async function ownerOf({ tenant, iss }: Whose): Promise<string> {
    const named = tenant === undefined ? undefined : await tenantNamed(tenant);
    if (named !== undefined) return named;
    const [only, ...others] = iss === undefined ? [] : await tenantsOfIssuer(database, iss);
    return only !== undefined && others.length === 0 ? only : houseFeedId;
  }
  async function byOwner<Item extends Whose>(items: readonly Item[]): Promise<ReadonlyMap<string, readonly Item[]>> {
    const owners = new Map<string, string>();
    for (const item of items) {
      const whose = JSON.stringify([item.tenant, item.iss]);
      if (!owners.has(whose)) owners.set(whose, await ownerOf(item));
    }
    return Map.groupBy(items, ({ tenant, iss }) => owners.get(JSON.stringify([tenant, iss])) ?? houseFeedId);
  }

  return {
    take: async ({ tenantId }, body) => {
      const report = parseRefusalReport(body, now());
      if (tenantId !== undefined) return recordRefusals(database, tenantId, batchOf(report, now()));
      const counts = await byOwner(report.counts);
      const refusals = await byOwner(report.refusals);
      for (const owner of new Set([houseFeedId, ...counts.keys()])) {
        // What the house calls its gateways is no tenant's business.
        const gateway = owner === houseFeedId ? report.gateway : houseGateway;
        const own = { ...report, gateway, counts: counts.get(owner) ?? [], refusals: refusals.get(owner) ?? [] };
        // What nobody knows anything of is nobody's.
        const dropped = owner === houseFeedId ? report.dropped : 0;
        if (own.counts.length > 0 || dropped > 0)
          await recordRefusals(database, owner, batchOf({ ...own, dropped }, now()));
      }
    },
  };
}

function batchOf({ gateway, id, counts, refusals, dropped }: RefusalReport, nowMs: number): RefusalBatch {
  const given: readonly RefusalCount[] =
    dropped === 0 ? [] : [{ minute: minuteOf(new Date(nowMs)), reason: unreported, count: dropped }];
  return {
    id,
    gateway,
    counts: summed(
      counts.map(({ minute, reason, count }) => ({ minute: new Date(minute * 1_000), reason, count })),
    ).concat(given),
    refusals: refusals.map(({ at, reason, request, iss, sub, hash, claims }) => ({
      at: new Date(at * 1_000),
      reason,
      requestId: request,
      iss,
      sub,
      subHash: hash === undefined ? undefined : Buffer.from(hash, "base64url"),
      claims,
    })),
  };
}

function summed(counts: readonly RefusalCount[]): readonly RefusalCount[] {
  const sums = new Map<string, RefusalCount>();
  for (const one of counts) {
    const key = `${one.minute.getTime()} ${one.reason}`;
    sums.set(key, { ...one, count: one.count + (sums.get(key)?.count ?? 0) });
  }
  return [...sums.values()];
}
