import { randomUUID } from "node:crypto";
import { createGuard } from "@rollcall/guard";
import { onTestFinished } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import type { House } from "./house.ts";
import { createTenant } from "./tenant.ts";

/** What is refused in a story is refused in this minute. */
export const minuteSec = Math.floor(Date.now() / 60_000) * 60;

export type Report = Readonly<Record<string, unknown>>;
export const told = (reason: string, more: object = {}): object => ({ at: minuteSec + 1.25, reason, ...more });
export const counted = (reason: string, count: number, more: object = {}): object => ({
  minute: minuteSec,
  reason,
  count,
  ...more,
});
export const reportOf = (counts: readonly object[], refusals: readonly object[], more: object = {}): Report => ({
  gateway: "edge-1",
  id: randomUUID(),
  counts,
  refusals,
  dropped: 0,
  ...more,
});

/** A guard that reports what it refuses, of a tenant of its own. */
export async function reportingGuard(house: House) {
  const issuer = await createIssuer({ sec: () => Math.floor(Date.now() / 1_000) });
  onTestFinished(() => issuer.close());
  const tenant = await createTenant(house, { issuer: issuer.origin });
  const guard = createGuard({
    issuers: [{ issuer: issuer.origin, audience: "api" }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "edge-1", report: true },
    stale: "deny",
    unknown: "resolve",
    resolve: { url: `${house.url}/v1/resolve`, token: tenant.feedToken },
  });
  onTestFinished(() => guard.close());
  await guard.start();
  return { issuer, tenant, guard };
}
