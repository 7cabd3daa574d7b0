import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { denySubject, liftDenial, sql, trimFeed } from "@rollcall/core/store";
import { addToDigest, type ChangesPage, checkpointHeader, digestText } from "@rollcall/guard";
import { createDrain } from "@rollcall/worker";
import { type FeedAddress, get, openFeedReader, readCheckpoint, readSnapshot } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { createTenant, deactivate, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { applyAll } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const act = { actor: "test", at: new Date() };

const readRoutes = ["/snapshot", "/snapshots/1-0", "/changes?since=1-0"];

describe("401", () => {
  test.each([...readRoutes, "/receipts"])("is the answer of %s to whoever has no live feed token", async (route) => {
    const { tenant, address } = await openFeed();
    const { token: admin } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
    const { token: expired } = await house.credentials.issue({
      purpose: "feed",
      tenantId: tenant.id,
      label: "test",
      expiresAt: new Date(0),
    });
    for (const token of ["", "nonsense", tenant.scimToken, admin, expired, `${tenant.feedToken.slice(0, -1)}_`]) {
      const answer = await ask({ ...address, token }, route);
      expect(answer.status, token).toBe(401);
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });
});

describe("404", () => {
  test.each([...readRoutes, "/receipts"])(
    "is the answer of %s for another tenant's feed, as for one that does not exist",
    async (route) => {
      const { address } = await openFeed();
      const other = await openFeed();
      const theirs = await ask({ ...address, feed: other.address.feed }, route);
      const nobodys = await ask({ ...address, feed: "nobody" }, route);
      expect([theirs.status, nobodys.status]).toEqual([404, 404]);
      expect(await plain(theirs)).toEqual(await plain(nobodys));
    },
  );
});

describe("400", () => {
  test.each([
    "since=",
    "since=1",
    "since=1-x",
    "since=-1-0",
    "since=1-0&wait=-1",
    "since=1-0&wait=soon",
    "since=1-0&limit=1.5",
  ])("is the answer to changes?%s", async (query) => {
    const { address } = await openFeed();
    expect((await get(address, `/changes?${query}`)).status).toBe(400);
  });

  test("is the answer to a receipt that is none, and a true one is kept", async () => {
    const { tenant, address } = await openFeed();
    const receipt = { gateway: "edge", epoch: 1, seq: 0, as_of: 1, entries: 0, digest: digestText(0n) };
    expect((await ask(address, "/receipts", { ...receipt, seq: -1 })).status).toBe(400);
    expect((await ask(address, "/receipts", { ...receipt, digest: "short" })).status).toBe(400);
    expect((await ask(address, "/receipts", receipt)).status).toBe(204);
    expect(await house.database.once(tenant.id, sql`SELECT name FROM gateway`)).toEqual([{ name: "edge" }]);
  });
});

describe("410", () => {
  test.each(["1-1", "2-0", "7-7"])(
    "is the answer to changes since %s of a feed that has not been there",
    async (cursor) => {
      const { address } = await openFeed();
      expect((await get(address, `/changes?since=${cursor}`)).status).toBe(410);
    },
  );

  test("is the answer to a follower so far behind that what it lacks is forgotten; a snapshot brings it back", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann", "bob"]);
    await liftDenial(house.database, tenant.id, { iss: tenant.issuer, sub: "ann" }, act);
    await untilPublished(tenant);
    expect(await trimFeed(house.database, tenant.id, -1)).toBeGreaterThan(0);
    await until(
      "the feed knows that it has forgotten",
      async () => (await get(address, "/changes?since=1-0")).status === 410,
    );
    expect((await get(address, "/snapshots/1-1")).status).toBe(410);
    const reader = openFeedReader(address);
    await reader.takeSnapshot();
    expect([...reader.held.values()].map(({ sub, op }) => [sub, op])).toEqual([
      ["bob", "deny"],
      ["ann", "allow"],
    ]);
  });
});

describe("304", () => {
  test("says that there is nothing new, signed like every answer", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann"]);
    const answer = await until("the feed shows its head", async () => {
      const found = await get(address, "/changes?since=1-1");
      return found.status === 304 && found;
    });
    expect(await readCheckpoint(address, answer)).toMatchObject({ epoch: 1, seq: 1, n: 1 });
  });
});

describe("200", () => {
  test("wakes a waiting follower", async () => {
    const { tenant, address } = await openFeed();
    const waiting = fetch(`${address.url}/v1/feeds/${address.feed}/changes?since=1-0&wait=55`, {
      headers: { authorization: `Bearer ${address.token}` },
      // Long before the wait is over: an answer in time can only come from being woken.
      signal: AbortSignal.timeout(20_000),
    });
    await publishAll(tenant, ["ann"]);
    const page = (await (await waiting).json()) as ChangesPage;
    expect(page.ops.map(({ s }) => s)).toEqual(["ann"]);
  });

  test("carries a checkpoint that the published keys verify, on every kind of answer", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann"]);
    const pointer = await get(address, "/snapshot");
    const changes = await get(address, "/changes?since=1-0");
    const body = Buffer.from(await changes.arrayBuffer());
    expect(await readCheckpoint(address, pointer)).toMatchObject({ feed: tenant.slug });
    expect(await readCheckpoint(address, changes, body)).toMatchObject({ seq: 1 });
    expect((await readSnapshot(address)).claims).toMatchObject({ seq: 1 });
    const forged = new Response(null, {
      headers: { [checkpointHeader]: `${changes.headers.get(checkpointHeader)?.slice(0, -4)}AAAA` },
    });
    await expect(readCheckpoint(address, forged)).rejects.toThrow();
  });

  test("gives long news in pages, and a page promises nothing that the next ones hold", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann", "bob", "cleo"]);
    await until("the feed shows its head", async () => (await get(address, "/changes?since=1-3")).status === 304);
    const answer = await get(address, "/changes?since=1-0&limit=2");
    const body = Buffer.from(await answer.arrayBuffer());
    const claims = await readCheckpoint(address, answer, body);
    expect(JSON.parse(body.toString()) as ChangesPage).toMatchObject({ from: 0, to: 2, more: true });
    expect(claims.digest).toBeUndefined();
    const [next] = await house.database.once<{ accepted_at: Date }>(
      tenant.id,
      sql`SELECT accepted_at FROM feed_entry WHERE seq = 3`,
    );
    expect(claims.as_of).toBeLessThanOrEqual((next?.accepted_at.getTime() ?? 0) / 1000);
    const second = (await (await get(address, "/changes?since=1-1&limit=1")).json()) as ChangesPage;
    expect(second).toMatchObject({ from: 1, to: 2, more: true });
    expect(second.ops.map(({ s }) => s)).toEqual(["bob"]);
  });

  test("gives one snapshot under one name for ever", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann", "bob"]);
    const before = await get(address, "/snapshots/1-2");
    const bytes = Buffer.from(await before.arrayBuffer());
    await publishAll(tenant, ["cleo"]);
    await liftDenial(house.database, tenant.id, { iss: tenant.issuer, sub: "ann" }, act);
    await untilPublished(tenant);
    const after = await get(address, "/snapshots/1-2");
    expect(Buffer.from(await after.arrayBuffer()).equals(bytes)).toBe(true);
    expect(after.headers.get("etag")).toBe(before.headers.get("etag"));
    expect(after.headers.get("cache-control")).toContain("immutable");
  });

  test("signs the digest that whoever holds all entries computes", async () => {
    const { tenant, address } = await openFeed();
    await publishAll(tenant, ["ann", "bob", "cleo"]);
    await liftDenial(house.database, tenant.id, { iss: tenant.issuer, sub: "bob" }, act);
    await untilPublished(tenant);
    const { header, ops, claims } = await readSnapshot(address);
    const sum = ops.reduce(
      (digest, { op, s, i, nbf }) =>
        addToDigest(digest, {
          scope: "sub",
          op,
          iss: header.iss[i] ?? "",
          sub: s,
          ...(nbf === undefined ? {} : { nbf }),
        }),
      0n,
    );
    expect({ digest: claims.digest, n: claims.n }).toEqual({ digest: digestText(sum), n: ops.length });
  });
});

describe("as_of", () => {
  test("stays behind a denial that is accepted and not yet in the feed, and passes it once it is", async () => {
    const { tenant, address } = await openFeed();
    const id = await joiner(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    const acceptedAt = await newestEventAt(tenant);
    expect(await asOf(address)).toBeLessThanOrEqual(acceptedAt);
    await applyAll(drain);
    await untilPublished(tenant);
    expect(await asOf(address)).toBeGreaterThan(acceptedAt);
  });

  test("waits for no change of a profile", async () => {
    const { tenant, address } = await openFeed();
    const id = await joiner(tenant);
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "title", value: "Dr" }));
    expect(await asOf(address)).toBeGreaterThan(await newestEventAt(tenant));
  });
});

async function openFeed(): Promise<{ readonly tenant: TestTenant; readonly address: FeedAddress }> {
  const tenant = await createTenant(house);
  return { tenant, address: { url: house.url, feed: tenant.slug, token: tenant.feedToken } };
}

function ask(address: FeedAddress, route: string, receipt?: unknown): Promise<Response> {
  if (route !== "/receipts") return get(address, route);
  const headers = {
    "content-type": "application/json",
    ...(address.token === "" ? {} : { authorization: `Bearer ${address.token}` }),
  };
  return fetch(`${address.url}/v1/feeds/${address.feed}/receipts`, {
    method: "POST",
    headers,
    body: JSON.stringify(receipt ?? {}),
  });
}

async function plain(answer: Response): Promise<unknown> {
  const { request_id: _, ...rest } = (await answer.json()) as Record<string, unknown>;
  return rest;
}

async function publishAll(tenant: TestTenant, subs: readonly string[]): Promise<void> {
  for (const sub of subs) await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub }, act);
  await untilPublished(tenant);
}

async function untilPublished(tenant: TestTenant): Promise<void> {
  await until("everything decided is published", async () => {
    const [row] = await house.database.once<{ count: number }>(
      tenant.id,
      sql`SELECT count(*) AS count FROM feed_pending`,
    );
    return row?.count === 0;
  });
}

async function joiner(tenant: TestTenant): Promise<string> {
  const created = await tenant.scim("POST", "/Users", newUser("ann"));
  await applyAll(drain);
  return created.body["id"] as string;
}

async function newestEventAt(tenant: TestTenant): Promise<number> {
  const [row] = await house.database.once<{ at: Date }>(
    tenant.id,
    sql`SELECT max(accepted_at) AS at FROM lifecycle_event`,
  );
  return (row?.at.getTime() ?? Number.NaN) / 1000;
}

/** Read afresh: the pointer to the snapshot is never answered from memory. */
async function asOf(address: FeedAddress): Promise<number> {
  return (await readCheckpoint(address, await get(address, "/snapshot"))).as_of;
}
