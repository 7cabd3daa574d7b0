import { request as httpRequest } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { denySubject, revokeCredential } from "@rollcall/core/store";
import { createGuard } from "@rollcall/guard";
import { startCachingRelay } from "../harness/caching-relay.ts";
import { type FeedAddress, get, openFeedReader, readCheckpoint } from "../harness/feed-reader.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const act = { actor: "test", at: new Date() };

describe("a stream", () => {
  test("tells what is there, then what comes, and each event is signed for its very bytes", async () => {
    const { tenant, address } = await openFeed(["ann"]);
    const stream = await openStream(address, "/stream?since=1-0");
    const first = await stream.next("ops");
    expect(first.page.ops.map(({ s }) => s)).toEqual(["ann"]);
    await publish(tenant, ["bob"]);
    const second = await stream.next("ops");
    expect(second).toMatchObject({ id: "1-2", page: { from: 1, to: 2 } });
    const answer = new Response(null, { headers: { "revocation-checkpoint": second.checkpoint } });
    expect(await readCheckpoint(address, answer, second.body)).toMatchObject({ epoch: 1, seq: 2, n: 2 });
  });

  test("says where it is though nothing happens, and goes on from Last-Event-ID", async () => {
    const { address } = await openFeed(["ann", "bob"]);
    const answer = await get(address, "/stream?since=1-0&wait=0", { "last-event-id": "1-2" });
    const text = await answer.text();
    expect(text).toMatch(/^id: 1-2\nevent: checkpoint\ndata: \S+\n\n$/);
  });

  test("of a cursor that leads nowhere is refused before it begins, with the reason", async () => {
    const { address } = await openFeed(["ann"]);
    const answer = await get(address, "/stream?since=1-0", { "last-event-id": "0-1" });
    expect(answer.status).toBe(410);
    expect(await readCheckpoint(address, answer)).toMatchObject({ epoch: 1, seq: 1 });
    expect(await answer.json()).toMatchObject({ code: "cursor_gone", reason: "epoch_changed" });
  });

  test("ends with the token that opened it", async () => {
    const { tenant } = await openFeed(["ann"]);
    const { id, token } = await house.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: "test" });
    const stream = await openStream({ url: house.url, feed: tenant.slug, token }, "/stream?since=1-1");
    await stream.next("checkpoint");
    await revokeCredential(house.database, tenant.id, id, "test");
    await publishUntil(tenant, stream.ended);
    expect(stream.told()).not.toContain("after-the-end");
  });
});

describe("a poll", () => {
  test("whose token is revoked while it waits is told nothing", async () => {
    const { tenant } = await openFeed(["ann"]);
    const { id, token } = await house.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: "test" });
    const waiting = get({ url: house.url, feed: tenant.slug, token }, "/changes?since=1-1&wait=3");
    await revokeCredential(house.database, tenant.id, id, "test");
    const answer = await waiting;
    expect(answer.status).toBe(401);
    expect(answer.headers.get("revocation-checkpoint")).toBeNull();
  });

  test("is coded for whoever takes it coded, and for nobody else", async () => {
    const { address } = await openFeed(Array.from({ length: 40 }, (_, index) => `a-rather-long-subject-${index}`));
    const url = `${address.url}/v1/feeds/${address.feed}/changes?since=1-0`;
    const coded = await raw(url, { authorization: `Bearer ${address.token}`, "accept-encoding": "br, gzip" });
    const plain = await raw(url, { authorization: `Bearer ${address.token}` });
    const never = await raw(url, { authorization: `Bearer ${address.token}`, "accept-encoding": "gzip;q=0, br" });
    expect([coded, plain, never].map(({ encoding }) => encoding)).toEqual(["gzip", undefined, undefined]);
    expect(coded.bytes).toBeLessThan(plain.bytes);
    expect(coded.vary).toContain("accept-encoding");
  });

  test("of a snapshot that a cache holds is answered 304, with a checkpoint of the held body", async () => {
    const { address } = await openFeed(["ann"]);
    const whole = await get(address, "/snapshots/1-1");
    const body = Buffer.from(await whole.arrayBuffer());
    const held = await get(address, "/snapshots/1-1", { "if-none-match": '"1-1"' });
    expect(held.status).toBe(304);
    expect(await readCheckpoint(address, held, body)).toMatchObject({ seq: 1 });
  });
});

describe("429", () => {
  test("is told a token that asks too often, with whole seconds to wait, and nobody else", async () => {
    const narrow = await openHouse({ without: ["worker"], feedLimits: { requestsPerSec: 2 } });
    const tenant = await createTenant(narrow);
    const address = { url: narrow.url, feed: tenant.slug, token: tenant.feedToken };
    const answers = await Promise.all(Array.from({ length: 12 }, () => get(address, "/changes?since=1-0")));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused.length).toBeGreaterThan(0);
    for (const { headers } of refused) expect(headers.get("retry-after")).toMatch(/^[1-9]\d*$/);
    const { token } = await narrow.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: "test" });
    expect((await get({ ...address, token }, "/changes?since=1-0")).status).toBe(304);
  });

  test("is told nobody for whom there is no place to wait: they are answered at once", async () => {
    const narrow = await openHouse({ without: ["worker"], feedLimits: { waitingMax: 1 } });
    const tenant = await createTenant(narrow);
    const address = { url: narrow.url, feed: tenant.slug, token: tenant.feedToken };
    const stop = new AbortController();
    const waiting = fetch(`${address.url}/v1/feeds/${address.feed}/changes?since=1-0&wait=55`, {
      headers: { authorization: `Bearer ${address.token}` },
      signal: stop.signal,
    });
    waiting.catch(() => undefined);
    await until("the one place is taken", async () => (await get(address, "/stream?since=1-0&wait=0")).status === 503);
    expect((await get(address, "/changes?since=1-0&wait=55")).status).toBe(304);
    stop.abort();
  });
});

test("a relay that is a cache and nothing else serves a guard that trusts only signatures", async () => {
  const { tenant, address } = await openFeed(["ann"]);
  const relay = await startCachingRelay(house.url);
  const errors: string[] = [];
  const guard = createGuard({
    issuers: [{ issuer: tenant.issuer, audience: "api", jwks: { keys: [{ kty: "OKP", crv: "Ed25519", x: "A" }] } }],
    feed: {
      url: `${house.url}/v1/feeds/${tenant.slug}`,
      token: tenant.feedToken,
      gateway: "behind-a-relay",
      relays: [{ url: `${relay}/v1/feeds/${tenant.slug}`, token: tenant.feedToken }],
    },
    stale: "deny",
    unknown: "allow",
    onError: (error) => errors.push(error.message),
  });
  onTestFinished(() => guard.close());
  await guard.start();
  await publish(tenant, ["bob"]);
  await until("the guard holds what came through the relay", () => guard.status().feed?.entries === 2);
  expect(guard.status().fresh).toBe(true);
  expect(errors).toEqual([]);

  // Another follower of the relay is served from its memory, and can verify that too.
  const reader = openFeedReader({ ...address, url: relay });
  await reader.takeSnapshot();
  await reader.catchUp();
  expect(reader.held.size).toBe(2);
  const again = await get({ ...address, url: relay }, "/snapshots/1-2");
  await until("a snapshot comes from the cache", async () => {
    const hit = await get({ ...address, url: relay }, "/snapshots/1-2");
    await hit.arrayBuffer();
    return hit.headers.get("x-cache") === "HIT";
  });
  expect(again.status).toBe(200);
});

async function openFeed(subs: readonly string[]) {
  const tenant = await createTenant(house);
  await publish(tenant, subs);
  const address = { url: house.url, feed: tenant.slug, token: tenant.feedToken };
  await until(
    "the feed shows them",
    async () => (await get(address, `/changes?since=1-${subs.length}`)).status === 304,
  );
  return { tenant, address };
}

async function publish(tenant: TestTenant, subs: readonly string[]): Promise<void> {
  for (const sub of subs) await denySubject(house.database, tenant.id, { iss: tenant.issuer, sub }, act);
  await untilQuiet(house, tenant.id);
}

/** Publishes on, so that whoever still listens would be told, until they have ended. */
async function publishUntil(tenant: TestTenant, ended: Promise<void>): Promise<void> {
  let isOver = false;
  void ended.then(() => (isOver = true));
  let count = 0;
  await until("the stream has ended", async () => {
    // Within a second of its end a token is still believed.
    await publish(tenant, [count > 30 ? `after-the-end-${count}` : `before-${count}`]);
    count += 1;
    return isOver;
  });
}

type Told = {
  readonly id: string;
  readonly checkpoint: string;
  readonly body: Buffer;
  readonly page: { readonly from: number; readonly to: number; readonly ops: readonly { readonly s: string }[] };
};

async function openStream(address: FeedAddress, route: string) {
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const answer = await fetch(`${address.url}/v1/feeds/${address.feed}${route}`, {
    headers: { authorization: `Bearer ${address.token}` },
    signal: stop.signal,
  });
  expect(answer.headers.get("content-type")).toContain("text/event-stream");
  let text = "";
  let read = 0;
  const ended = (async () => {
    for await (const chunk of answer.body as AsyncIterable<Uint8Array>) text += Buffer.from(chunk).toString("utf8");
  })().catch(() => undefined);
  return {
    ended,
    told: () => text,
    next: (event: "ops" | "checkpoint"): Promise<Told> =>
      until(`the stream tells of ${event}`, () => {
        const end = text.indexOf("\n\n", read);
        if (end === -1) return undefined;
        const [id = "", name = "", ...data] = text.slice(read, end).split("\n");
        read = end + 2;
        if (name !== `event: ${event}`) return undefined;
        const [checkpoint = "", page] = data.map((line) => line.slice("data: ".length));
        const body = Buffer.from(page ?? "null");
        return { id: id.slice("id: ".length), checkpoint, body, page: JSON.parse(body.toString()) as Told["page"] };
      }),
  };
}

function raw(url: string, headers: Record<string, string>) {
  return new Promise<{ readonly encoding: string | undefined; readonly vary: string; readonly bytes: number }>(
    (resolve, reject) => {
      httpRequest(url, { headers }, (answer) => {
        let bytes = 0;
        answer.on("data", (chunk: Buffer) => (bytes += chunk.length));
        answer.on("end", () =>
          resolve({ encoding: answer.headers["content-encoding"], vary: answer.headers.vary ?? "", bytes }),
        );
      })
        .on("error", reject)
        .end();
    },
  );
}
