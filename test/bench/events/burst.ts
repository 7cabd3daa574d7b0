import { createHmac } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Fleet } from "@rollcall/cli/fleet";
import { newId } from "@rollcall/core/runtime";
import { createSource, readResync, sealSecret, sourceSecretPurpose, sql, startResync } from "@rollcall/core/store";
import { openFeedReader } from "../../harness/feed-reader.ts";
import { until } from "../../harness/until.ts";
import { type LoadRequest, type LoadTarget, runLoad } from "../http-load.ts";

/** Somebody who tells of users through a webhook. */
export type Teller = {
  readonly tenantId: string;
  readonly issuer: string;
  readonly target: LoadTarget;
  /** A signed message about the user of this number, as it goes over the wire. */
  message(type: string, user: number, data?: Readonly<Record<string, unknown>>): LoadRequest;
};

const concurrency = 32;
const appliedMsMax = 20 * 60_000;
const denialEveryMs = 250;

export async function openTeller(fleet: Fleet, issuer: string, connectionId: string): Promise<Teller> {
  const bearer = await fleet.credentials.authenticate(fleet.tokens.scim, "scim");
  if (bearer?.tenantId === undefined) throw new Error("the fleet has no tenant");
  const { tenantId } = bearer;
  const id = newId();
  const secret = Buffer.from(newId());
  const sealed = sealSecret(fleet.credentials.keyFor(sourceSecretPurpose), id, `whsec_${secret.toString("base64")}`);
  const source = { id, connectionId, kind: "webhook", name: "bench", settings: {}, secret: sealed } as const;
  await createSource(fleet.database, tenantId, source, "bench");
  const url = new URL(fleet.scimUrl);
  return {
    tenantId,
    issuer,
    target: { host: url.hostname, port: Number(url.port), headers: [] },
    message: (type, user, data = {}) => {
      const body = JSON.stringify({
        type,
        timestamp: new Date().toISOString(),
        data: { externalId: `x-${user}`, ...data },
      });
      const messageId = newId();
      const timestamp = String(Math.floor(Date.now() / 1_000));
      const signature = createHmac("sha256", secret).update(`${messageId}.${timestamp}.${body}`).digest("base64");
      const headers = [
        `webhook-id: ${messageId}`,
        `webhook-timestamp: ${timestamp}`,
        `webhook-signature: v1,${signature}`,
      ];
      return { method: "POST", path: `/hooks/${id}`, body, headers, statuses: [204] };
    },
  };
}

/** Brings the user store to the seeded directory, as if it had long been so. */
export async function applySeed(fleet: Fleet, { tenantId }: Teller, connectionId: string): Promise<void> {
  const id = newId();
  await startResync(fleet.database, tenantId, {
    id,
    scope: { scope: "connection", connectionId },
    heals: "all",
    actor: "bench",
  });
  await until(
    "the seed is in the user store",
    async () => (await readResync(fleet.database, tenantId, id))?.state === "finished",
    appliedMsMax,
  );
  await untilApplied(fleet, tenantId);
}

/** Tells of so many users, each once, and answers how many a second were committed. */
export function tell(teller: Teller, count: number): Promise<number> {
  const mark = newId();
  return runLoad(teller.target, concurrency, count, (user) =>
    teller.message("user.updated", user, { displayName: `Changed ${mark} ${user}` }),
  );
}

export async function untilApplied(fleet: Fleet, tenantId: string): Promise<void> {
  await until("everything is applied", async () => (await waiting(fleet, tenantId)) === 0, appliedMsMax);
}

/** Deny one user after the other while a backlog is applied. Answers, for each, the milliseconds from its first byte until a follower has it. */
export async function denyBehind(
  fleet: Fleet,
  teller: Teller,
  feed: string,
  users: readonly number[],
): Promise<readonly number[]> {
  const arrived = new Map<string, number>();
  let following = true;
  const reader = openFeedReader({ url: fleet.feedUrl, feed, token: fleet.tokens.feed });
  await reader.takeSnapshot();
  const follow = (async (): Promise<void> => {
    let seen = 0;
    while (following) {
      await reader.catchUp(1);
      for (; seen < reader.seen.length; seen += 1)
        arrived.set((reader.seen[seen] as { sub: string }).sub, performance.now());
    }
  })();
  const sentAt = new Map<string, number>();
  for (const user of users) {
    if ((await waiting(fleet, teller.tenantId)) === 0) break;
    sentAt.set(`x-${user}`, performance.now());
    await runLoad(teller.target, 1, 1, () => teller.message("user.disabled", user));
    await new Promise((resolve) => setTimeout(resolve, denialEveryMs));
  }
  await until(
    "every denial has arrived",
    async () => [...sentAt.keys()].every((sub) => arrived.has(sub)),
    appliedMsMax,
  );
  following = false;
  await follow;
  return [...sentAt].map(([sub, at]) => (arrived.get(sub) as number) - at);
}

async function waiting(fleet: Fleet, tenantId: string): Promise<number> {
  const [row] = await fleet.database.once<{ waiting: number }>(
    tenantId,
    sql`SELECT count(*) AS waiting FROM (SELECT FROM lifecycle_event WHERE applied_at IS NULL AND dead_at IS NULL LIMIT 1) AS one`,
  );
  return row?.waiting ?? 0;
}
