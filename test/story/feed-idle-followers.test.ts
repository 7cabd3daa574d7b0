import { expect, test } from "vitest";
import { denySubject } from "@rollcall/core/store";
import { get } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const minuteMs = 60_000;
let aheadMs = 0;
let looked = 0;
const house = await openHouse({
  feedNow: () => {
    looked += 1;
    return Date.now() + aheadMs;
  },
});

test.each([
  ["by hash", "by name"],
  ["by name", "by hash"],
] as const)(
  "a feed that nobody reads %s any more is still told to those who read it %s",
  async (idleNaming, liveNaming) => {
    const tenant = await createTenant(house);
    const issued = { purpose: "feed", tenantId: tenant.id, label: "test" } as const;
    const hashed = await house.credentials.issue({ ...issued, hashed: true });
    const tokens = { "by name": tenant.feedToken, "by hash": hashed.token };
    const address = { url: house.url, feed: tenant.slug };
    const [idle, live] = [idleNaming, liveNaming].map((naming) => ({ ...address, token: tokens[naming] })) as [
      Parameters<typeof get>[0],
      Parameters<typeof get>[0],
    ];
    expect((await get(idle, "/snapshot")).status).toBe(302);
    aheadMs += 9 * minuteMs;
    const { headers } = await get(live, "/snapshot");
    aheadMs += 2 * minuteMs;
    const before = looked;
    await until("the feed has looked who is idle", () => looked >= before + 4);

    const told = get(live, `/changes?since=${headers.get("etag")?.replaceAll('"', "")}&wait=55`);
    await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub: "ann" }, { actor: "test", at: new Date() });
    expect((await until("who waits is told", () => told)).status).toBe(200);
  },
);
