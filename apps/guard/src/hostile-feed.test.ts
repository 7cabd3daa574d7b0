import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { until } from "./testing/clock.ts";
import { createSigner, type FeedAnswer, type FeedServer, sha256 } from "./testing/feed-server.ts";
import { createScene } from "./testing/scene.ts";
import { checkpointHeader } from "./wire.ts";

/** A guard that follows a feed, of which it knows that eve is denied. */
async function followed({ keys = "pinned" }: { readonly keys?: "pinned" | "fetched" } = {}) {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const { keys: pinned, ...feed } = scene.options().feed;
  const guard = await scene.guard({ feed: keys === "pinned" ? { ...feed, keys: pinned } : feed });
  const [ada, eve] = await Promise.all([scene.issuer.mint(), scene.issuer.mint({ sub: "eve" })]);
  return {
    ...scene,
    guard,
    reasons: async () => [(await guard.check(ada)).reason, (await guard.check(eve)).reason],
    follow: async (sub: string, op: "deny" | "allow" = "deny"): Promise<void> => {
      scene.feed.publish({ iss: scene.issuer.origin, sub, op });
      const { seq } = scene.feed.told.log.at(-1)!;
      await until(`the guard has taken ${seq}`, () => guard.status().feed?.seq === seq);
    },
  };
}

/** A genuine answer of the feed, as whoever sits on the line keeps it. */
async function heard({ url, token }: FeedServer, route: string): Promise<FeedAnswer> {
  const answer = await fetch(`${url}${route}`, { headers: { authorization: `Bearer ${token}` } });
  return { status: answer.status, body: await answer.text(), jws: answer.headers.get(checkpointHeader) ?? "" };
}

/** From now on a poll is told that its place is gone, and the snapshot in its stead is this one. */
async function offer(feed: FeedServer, snapshot: (genuine: FeedAnswer) => FeedAnswer): Promise<void> {
  await until("the guard waits at the head", () => feed.waiters() > 0);
  feed.told.tamper = (answer, path) => {
    if (path.endsWith("/changes")) return { status: 410 };
    return path.includes("/snapshots/") ? snapshot(answer) : answer;
  };
  feed.wake();
}

/** Signed by the feed's own key, but of another tenant. */
function ofAnotherTenant({ claims, body, ...rest }: FeedAnswer): FeedAnswer {
  const other = body!.replace('"feed":"acme"', '"feed":"umbrella"').replace('"eve"', '"bob"');
  return { ...rest, body: other, claims: { ...claims!, feed: "umbrella", body_sha256: sha256(other) } };
}

test("an older page that comes after a newer one gives nobody back what was taken", async () => {
  const { feed, follow, reasons, codes, guard } = await followed();
  await follow("ada");
  await follow("ada", "allow");
  expect(await reasons()).toEqual(["ok", "revoked"]);
  const lifting = await heard(feed, "/changes?since=7-2&wait=0");
  await follow("ada");
  await until("the guard waits at the head", () => feed.waiters() > 0);
  feed.told.tamper = (answer, path) => (path.endsWith("/changes") ? lifting : answer);
  feed.wake();
  await until("the old page is refused", () => codes().includes("rolled_back"));
  expect(await reasons()).toEqual(["revoked", "revoked"]);
  expect(guard.status().feed).toMatchObject({ seq: 4, entries: 2 });
});

test("a rolled-back snapshot is not taken in place of what is held, and does not count as news", async () => {
  const { feed, follow, reasons, codes, clock, guard } = await followed();
  const old = await heard(feed, "/snapshots/7-1");
  await follow("ada");
  await offer(feed, () => old);
  await until("the old snapshot is refused", () => codes().includes("rolled_back"));
  expect(await reasons()).toEqual(["revoked", "revoked"]);
  clock.advanceSec(31);
  expect(guard.status()).toMatchObject({ fresh: false, feed: { seq: 2, entries: 2 } });
  feed.told.tamper = undefined;
  await until("the guard sees again", () => guard.status().fresh);
});

test("a cold gateway takes an old snapshot for what it is: it refuses whom that denies, and lets nobody in", async () => {
  const { feed, clock, issuer, guard: create } = await createScene();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const old = await heard(feed, "/snapshots/7-1");
  feed.publish({ iss: issuer.origin, sub: "ada" });
  clock.advanceSec(3_600);
  feed.told.tamper = (answer, path) => {
    if (path.endsWith("/changes")) return { status: 502 };
    return path.includes("/snapshots/") ? old : answer;
  };
  const guard = await create();
  expect(guard.status()).toMatchObject({ fresh: false, feed: { seq: 1 } });
  expect((await guard.check(await issuer.mint())).reason).toBe("feed_stale");
  expect((await guard.check(await issuer.mint({ sub: "eve" }))).reason).toBe("revoked");
});

test("a snapshot of another tenant is not taken, though the feed's own key signed it", async () => {
  const { feed, reasons, codes, clock, guard } = await followed();
  await offer(feed, ofAnotherTenant);
  await until("the other tenant's snapshot is refused", () => codes().includes("checkpoint_elsewhere"));
  expect(await reasons()).toEqual(["ok", "revoked"]);
  clock.advanceSec(31);
  expect(await reasons()).toEqual(["feed_stale", "revoked"]);
  expect(guard.status().feed).toMatchObject({ seq: 1, entries: 1 });
});

test.each<[string, string, (genuine: FeedAnswer, feed: FeedServer) => FeedAnswer | Promise<FeedAnswer>]>([
  ["a truncated snapshot", "body_forged", (genuine) => ({ ...genuine, body: genuine.body!.slice(0, -9) })],
  ["a snapshot of no entries under another's checkpoint", "body_forged", (genuine) => ({ ...genuine, body: "" })],
  ["a snapshot of another tenant", "checkpoint_elsewhere", ofAnotherTenant],
  [
    "a snapshot signed by an unknown key",
    "checkpoint_forged",
    async (genuine, feed) => ({ ...genuine, jws: await feed.signer.sign(genuine.claims!, { kid: "feed-9" }) }),
  ],
  ["a snapshot without a checkpoint", "checkpoint_missing", ({ status, body }) => ({ status, body: body! })],
  ["a page of the web in place of a snapshot", "checkpoint_missing", () => ({ status: 200, body: "<html>ok</html>" })],
  ["an empty list in place of a snapshot", "checkpoint_missing", () => ({ status: 200, body: "[]" })],
])("%s leaves a cold gateway cold: nobody passes", async (_, code, change) => {
  const { feed, issuer, codes, guard: create } = await createScene();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  feed.told.tamper = (answer, path) => (path.includes("/snapshots/") ? change(answer, feed) : answer);
  const guard = await create();
  expect(codes()).toEqual([code]);
  expect(guard.status()).toMatchObject({ fresh: false, feed: undefined });
  for (const sub of ["ada", "eve"]) expect((await guard.check(await issuer.mint({ sub }))).reason).toBe("feed_stale");
});

test("a checkpoint signed by a key that was rotated out is refused, whatever it says", async () => {
  const { feed, clock, issuer, follow, reasons, codes, guard } = await followed({ keys: "fetched" });
  const former = feed.told.sign;
  const next = await createSigner("feed-2");
  feed.told.jwks = next.jwks;
  feed.told.sign = next.sign;
  clock.advanceSec(31);
  await follow("ada");
  expect(await reasons()).toEqual(["revoked", "revoked"]);

  feed.told.sign = former;
  const before = codes().length;
  feed.publish({ iss: issuer.origin, sub: "ada", op: "allow" });
  await until("the old key's page is refused", () => codes().slice(before).includes("checkpoint_forged"));
  expect(await reasons()).toEqual(["revoked", "revoked"]);
  expect(guard.status().feed?.seq).toBe(2);
  clock.advanceSec(31);
  expect(guard.status().fresh).toBe(false);
});

test("a feed whose clock is an hour behind is followed, and nobody passes by it", async () => {
  const { feed, issuer, codes, guard: create } = await createScene();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const behindSec = 3_600;
  feed.told.tamper = ({ claims, ...answer }) =>
    claims === undefined
      ? answer
      : {
          ...answer,
          claims: {
            ...claims,
            iat: claims.iat - behindSec,
            as_of: claims.as_of - behindSec,
            exp: claims.exp - behindSec,
          },
        };
  const guard = await create();
  expect(codes()).toContain("checkpoint_expired");
  expect((await guard.check(await issuer.mint())).reason).toBe("feed_stale");
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the denial is known", async () => (await guard.check(await issuer.mint())).reason === "revoked");
  expect((await guard.check(await issuer.mint({ sub: "eve" }))).reason).toBe("revoked");
});

test("every row of the guide's table of lies names a test that there is", async () => {
  const guide = await readFile(new URL("../../../docs/guard.md", import.meta.url), "utf8");
  const table = guide.split("## When the feed lies")[1]?.split("\n## ")[0] ?? "";
  const named = [...table.matchAll(/`([\w-]+\.test\.ts)`: (.+?) \|$/gm)].map(
    ([, file, name]) => [file!, name!] as const,
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named).toHaveLength([...table.matchAll(/^\| (?!---|the lie)/gm)].length);
  for (const [file, name] of named) {
    const folder = file.startsWith("feed-") ? "../../../test/story/" : "./";
    expect([file, await readFile(new URL(`${folder}${file}`, import.meta.url), "utf8")]).toEqual([
      file,
      expect.stringContaining(`"${name}`),
    ]);
  }
});
