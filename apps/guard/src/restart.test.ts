import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createGuard } from "./guard.ts";
import { until } from "./testing/clock.ts";
import { createSigner } from "./testing/feed-server.ts";
import { createScene } from "./testing/scene.ts";

/** A file that a guard left behind: a snapshot that denies eve, and a page for each leaver since. The feed is gone. */
async function leftBehind(leavers: readonly string[] = ["ada"]) {
  const scene = await createScene();
  const { feed, issuer, options } = scene;
  const folder = await mkdtemp(join(tmpdir(), "guard-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const persistPath = join(folder, "feed");
  const persisted = { ...options().feed, persistPath };
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const guard = await scene.guard({ feed: persisted });
  for (const sub of leavers) {
    feed.publish({ iss: issuer.origin, sub });
    await until("the page is on disk", async () => (await readFile(persistPath, "utf8")).includes(`"${sub}"`));
  }
  await guard.close();
  await feed.close();
  const [ada, eve, bob] = await Promise.all(["ada", "eve", "bob"].map((sub) => issuer.mint({ sub })));
  return { ...scene, persistPath, persisted, tokens: { ada: ada!, eve: eve!, bob: bob! } };
}

test("a guard that restarts without a network still refuses whom it refused before", async () => {
  const { guard: create, persisted, persistPath, tokens, clock } = await leftBehind();
  const guard = await create({ feed: persisted });
  expect(guard.status()).toMatchObject({ fresh: true, feed: { epoch: 7, seq: 2, entries: 2 } });
  expect(await guard.check(tokens.ada)).toMatchObject({ reason: "revoked" });
  expect(await guard.check(tokens.eve)).toMatchObject({ reason: "revoked" });
  expect(await guard.check(tokens.bob)).toMatchObject({ allow: true });
  clock.advanceSec(31);
  expect(await guard.check(tokens.bob)).toMatchObject({ reason: "feed_stale" });
  expect((await stat(persistPath)).mode & 0o777).toBe(0o600);
});

test("a file that grew stale while the gateway was down refuses whom it denies, and lets nobody in", async () => {
  const { guard: create, persisted, tokens, clock } = await leftBehind();
  clock.advanceSec(31);
  const guard = await create({ feed: persisted });
  expect(guard.status()).toMatchObject({ fresh: false, feed: { seq: 2, entries: 2 } });
  for (const token of [tokens.ada, tokens.eve]) expect(await guard.check(token)).toMatchObject({ reason: "revoked" });
  expect(await guard.check(tokens.bob)).toMatchObject({ reason: "feed_stale" });
});

test("without a file and without a network nobody passes", async () => {
  const { guard: create, persisted, persistPath, tokens, codes } = await leftBehind();
  await rm(persistPath);
  const guard = await create({ feed: persisted });
  expect(guard.status()).toMatchObject({ fresh: false, feed: undefined });
  expect(codes()).toContain("feed_unreachable");
  for (const token of Object.values(tokens)) expect(await guard.check(token)).toMatchObject({ reason: "feed_stale" });
});

test("without pinned keys a file cannot be verified, so the guard is cold", async () => {
  const { guard: create, persisted, tokens } = await leftBehind();
  const { keys: _, ...unpinned } = persisted;
  const guard = await create({ feed: unpinned });
  expect(guard.status().feed).toBeUndefined();
  expect(await guard.check(tokens.bob)).toMatchObject({ reason: "feed_stale" });
});

test("a file signed by another key is not trusted", async () => {
  const { guard: create, persisted, tokens, errors } = await leftBehind();
  const guard = await create({ feed: { ...persisted, keys: (await createSigner("feed-1")).jwks } });
  expect(guard.status().feed).toBeUndefined();
  expect(errors.map(String)).toContainEqual(expect.stringContaining("file_unusable"));
  expect(await guard.check(tokens.bob)).toMatchObject({ reason: "feed_stale" });
});

test.each([
  [
    "changed in one letter",
    async (path: string) => writeFile(path, (await readFile(path, "utf8")).replace('"eve"', '"bob"')),
  ],
  [
    "emptied of its snapshot",
    async (path: string) => writeFile(path, (await readFile(path, "utf8")).split("\n").slice(3).join("\n")),
  ],
  ["overwritten", async (path: string) => writeFile(path, "{}\n")],
])("a file that was %s is ignored", async (_, spoil) => {
  const { guard: create, persisted, persistPath, errors } = await leftBehind();
  await spoil(persistPath);
  const guard = await create({ feed: persisted });
  expect(guard.status().feed).toBeUndefined();
  expect(errors.map(String)).toContainEqual(expect.stringContaining("file_unusable"));
});

test("a file cut short counts up to where it is whole", async () => {
  const { guard: create, persisted, persistPath, tokens } = await leftBehind();
  const text = await readFile(persistPath, "utf8");
  await truncate(persistPath, text.indexOf('"ada"'));
  const guard = await create({ feed: persisted });
  expect(guard.status()).toMatchObject({ feed: { seq: 1 } });
  expect(await guard.check(tokens.eve)).toMatchObject({ reason: "revoked" });
});

test("a file with a page taken out counts up to the gap", async () => {
  const { guard: create, persisted, persistPath, codes } = await leftBehind(["ada", "bob"]);
  const records = (await readFile(persistPath, "utf8")).split(/(?=\{"kind":)/);
  await writeFile(persistPath, records.filter((record) => !record.includes('"ada"')).join(""));
  const guard = await create({ feed: persisted });
  expect(guard.status()).toMatchObject({ feed: { seq: 1, entries: 1 } });
  expect(codes()).toContain("file_unusable");
});

test("a guard goes on from its file, and replaces one that is torn", async () => {
  const scene = await createScene();
  const folder = await mkdtemp(join(tmpdir(), "guard-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const persisted = { ...scene.options().feed, persistPath: join(folder, "feed") };
  const snapshots = () => scene.feed.told.requests.filter((path) => path.endsWith("/snapshot")).length;
  const run = async () => {
    const guard = createGuard({ ...scene.options(), feed: persisted });
    await guard.start();
    await guard.close();
    return guard.status();
  };
  expect(await run()).toMatchObject({ fresh: true });
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  expect(await run()).toMatchObject({ feed: { seq: 1 } });
  expect(snapshots()).toBe(1);
  await appendFile(persisted.persistPath, "torn");
  expect(await run()).toMatchObject({ feed: { seq: 1 } });
  expect(snapshots()).toBe(2);
  expect(await readFile(persisted.persistPath, "utf8")).not.toContain("torn");
  expect(scene.codes()).toEqual(["file_unusable"]);
});

test("a feed that went back behind the file is not followed", async () => {
  const { guard: create, options, clock, issuer } = await createScene();
  const folder = await mkdtemp(join(tmpdir(), "guard-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const scene = await createScene();
  const persistPath = join(folder, "feed");
  scene.feed.publish({ iss: issuer.origin, sub: "ada" });
  const before = await scene.guard({ feed: { ...scene.options().feed, persistPath } });
  await before.close();
  scene.feed.told.log = [];
  const guard = await create({
    issuers: options().issuers,
    feed: { ...scene.options().feed, persistPath },
    now: clock.now,
  });
  expect(guard.status()).toMatchObject({ feed: { seq: 1 } });
  expect(await guard.check(await issuer.mint())).toMatchObject({ reason: "revoked" });
});

test("a path that cannot be written does not keep the guard from following", async () => {
  const { guard: create, options, codes } = await createScene();
  const guard = await create({ feed: { ...options().feed, persistPath: "/nonexistent/feed" } });
  expect(guard.status().fresh).toBe(true);
  expect(codes()).toContain("file_unusable");
});
