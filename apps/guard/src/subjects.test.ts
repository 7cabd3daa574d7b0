import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Guard } from "./guard.ts";
import type { GuardOptions } from "./options.ts";
import { until } from "./testing/clock.ts";
import { type FeedAnswer, sha256 } from "./testing/feed-server.ts";
import { createScene, type Scene } from "./testing/scene.ts";

/** A guard that follows the set of known subjects, in which there is ada. */
async function knowing(changes: Partial<GuardOptions> = {}) {
  const scene = await createScene();
  const { feed, issuer } = scene;
  feed.know({ known: true, iss: issuer.origin, sub: "ada" });
  const followed = { ...scene.options().feed, subjects: true, subjectKey: feed.subjectKey };
  const guard = await scene.guard({ unknown: "deny", feed: followed, ...changes });
  const check = async (sub: string) => guard.check(await issuer.mint({ sub }));
  return { ...scene, guard, check, followed };
}

const subjectsSeq = (guard: Guard) => guard.status().subjects?.seq;

test("a known subject passes and an unknown one is refused, and Rollcall is not asked", async () => {
  const { check, feed, issuer } = await knowing();
  expect(await check("ada")).toMatchObject({ allow: true, known: true, stale: false });
  expect(await check("eve")).toEqual({
    allow: false,
    reason: "subject_unknown",
    status: 401,
    iss: issuer.origin,
    sub: "eve",
  });
  expect(feed.told.resolves).toEqual([]);
});

test("a joiner passes and a leaver does not as soon as the set says so", async () => {
  const { check, feed, issuer, guard } = await knowing();
  feed.know({ known: true, iss: issuer.origin, sub: "eve" }, { known: false, iss: issuer.origin, sub: "ada" });
  await until("the changes are taken", () => subjectsSeq(guard) === 3);
  expect([(await check("eve")).reason, (await check("ada")).reason]).toEqual(["ok", "subject_unknown"]);
  expect(guard.status().subjects).toMatchObject({ entries: 1 });
});

test("the same sub of another issuer is another subject", async () => {
  const { check, feed } = await knowing();
  feed.know({ known: true, iss: "https://other.example", sub: "eve" });
  expect((await check("eve")).reason).toBe("subject_unknown");
});

test("a denial holds for whoever is known", async () => {
  const { check, feed, issuer, guard } = await knowing();
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("the denial is known", () => guard.status().feed?.seq === 1);
  expect((await check("ada")).reason).toBe("revoked");
});

test("only whom the set does not know is asked about, where the guard asks", async () => {
  const scene = await createScene();
  const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
  scene.feed.know({ known: true, iss: scene.issuer.origin, sub: "ada" });
  scene.feed.told.resolve = () => ({ status: "active", userId: "u2", userName: "eve", groups: [] });
  const feed = { ...scene.options().feed, subjects: true, subjectKey: scene.feed.subjectKey };
  const guard = await scene.guard({ unknown: "resolve", resolve, feed });
  expect(await guard.check(await scene.issuer.mint())).toMatchObject({ allow: true, known: true });
  expect(await guard.check(await scene.issuer.mint({ sub: "eve" }))).toMatchObject({
    allow: true,
    known: false,
    user: { id: "u2" },
  });
  expect(scene.feed.told.resolves.map(({ sub }) => sub)).toEqual(["eve"]);
});

test("where the application decides, it is told who is known", async () => {
  const { check } = await knowing({ unknown: "allow" });
  expect([await check("ada"), await check("eve")]).toMatchObject([
    { allow: true, known: true },
    { allow: true, known: false },
  ]);
});

describe("while the set is blind and the revocations are not", () => {
  async function blind(changes: Partial<GuardOptions> = {}) {
    const scene = await knowing(changes);
    const { feed, clock, guard } = scene;
    await until("both feeds are waited for", () => feed.waiters() === 2);
    feed.told.tamper = (answer, path) => (path.includes("/subjects/") ? { status: 500 } : answer);
    clock.advanceSec(31);
    feed.wake();
    await until("the revocations are fresh", () => guard.status().fresh);
    return scene;
  }

  test("who was known passes, and nobody is called unknown", async () => {
    const { check } = await blind();
    expect((await check("ada")).reason).toBe("ok");
    expect(await check("eve")).toMatchObject({ reason: "feed_stale", status: 503 });
  });

  test("the owner's choice for a blind guard decides about the others", async () => {
    const { check } = await blind({ stale: "allow" });
    expect(await check("eve")).toMatchObject({ allow: true, stale: true });
  });
});

test("a set that never came makes nobody unknown and lets nobody pass", async () => {
  const scene = await createScene();
  scene.feed.told.tamper = (answer, path) => (path.includes("/subjects/") ? { status: 404 } : answer);
  const feed = { ...scene.options().feed, subjects: true, subjectKey: scene.feed.subjectKey };
  const guard = await scene.guard({ unknown: "deny", feed });
  expect(guard.status()).toMatchObject({ fresh: true, subjects: undefined });
  expect(await guard.check(await scene.issuer.mint())).toMatchObject({ reason: "feed_stale" });
});

test("the set and the revocations never pass for each other", async () => {
  const { feed, guard, codes, issuer } = await knowing();
  feed.told.tamper = (answer, path) =>
    path.endsWith("/changes") && answer.claims !== undefined
      ? { ...answer, claims: { ...answer.claims, feed: path.includes("/subjects/") ? "acme" : "acme/subjects" } }
      : answer;
  feed.publish({ iss: issuer.origin, sub: "ada" });
  feed.know({ known: true, iss: issuer.origin, sub: "eve" });
  await until("both are refused", () => codes().filter((code) => code === "checkpoint_elsewhere").length >= 2);
  expect([guard.status().feed?.seq, subjectsSeq(guard)]).toEqual([0, 1]);
});

test.each<[string, string, (answer: FeedAnswer, scene: Scene) => FeedAnswer]>([
  ["a subject short", "body_malformed", (answer) => resigned(answer, answer.bytes!.subarray(0, -16))],
  ["a byte short", "body_malformed", (answer) => resigned(answer, answer.bytes!.subarray(0, -1))],
  ["with one subject in another's place", "digest_mismatch", (answer) => resigned(answer, flipped(answer.bytes!))],
  [
    "of another hash",
    "body_malformed",
    (answer) => resigned(answer, replaced(answer.bytes!, "hmac-sha256-128", "hmac-sha256-064")),
  ],
  [
    "without a word on its hash",
    "body_malformed",
    (answer) => resigned(answer, replaced(answer.bytes!, '"hash":"hmac', '"hush":"hmac')),
  ],
  ["out of order", "body_malformed", (answer) => resigned(answer, swapped(answer.bytes!))],
  ["changed on its way", "body_forged", (answer) => ({ ...answer, bytes: flipped(answer.bytes!) })],
  ["that is empty", "body_malformed", (answer) => resigned(answer, Buffer.alloc(0))],
])("a snapshot of subjects %s is refused whole", async (_, code, change) => {
  const scene = await createScene();
  const { feed, issuer } = scene;
  feed.know({ known: true, iss: issuer.origin, sub: "ada" }, { known: true, iss: issuer.origin, sub: "bob" });
  feed.told.tamper = (answer) => (answer.bytes === undefined ? answer : change(answer, scene));
  const guard = await scene.guard({
    unknown: "deny",
    feed: { ...scene.options().feed, subjects: true, subjectKey: feed.subjectKey },
  });
  expect(scene.codes()).toEqual([code]);
  expect(guard.status().subjects).toBeUndefined();
  expect((await guard.check(await issuer.mint())).reason).toBe("feed_stale");
  feed.told.tamper = undefined;
  await until("the set is held", async () => (await guard.check(await issuer.mint())).allow);
});

test.each([
  ["a gap", (text: string) => text.replace(/"\+[^"]+",/, "")],
  ["a change that is neither", (text: string) => text.replace('"+', '"~')],
  ["a hash that is too long", (text: string) => text.replace('"+', '"+A')],
  ["a hash in another spelling", (text: string) => text.replace(/("\+.{21}).",/, '$1B",')],
])("a page of subjects with %s is not followed", async (_, change) => {
  const { feed, guard, codes, issuer, check } = await knowing();
  feed.told.tamper = (answer, path) => {
    if (!path.endsWith("/subjects/changes") || answer.status !== 200) return answer;
    const body = change(answer.body!);
    return { ...answer, body, claims: { ...answer.claims!, body_sha256: sha256(body) } };
  };
  feed.know({ known: true, iss: issuer.origin, sub: "eve" }, { known: true, iss: issuer.origin, sub: "bob" });
  await until("the page is refused", () => codes().includes("body_malformed"));
  expect(subjectsSeq(guard)).toBe(1);
  feed.told.tamper = undefined;
  await until("eve is known", async () => (await check("eve")).allow);
});

test("drift is found by the digest and healed by a snapshot", async () => {
  const { feed, guard, issuer, codes, check } = await knowing();
  feed.told.subjects[0] = { known: true, iss: issuer.origin, sub: "bob" };
  feed.know({ known: true, iss: issuer.origin, sub: "eve" });
  await until("bob is known", async () => (await check("bob")).allow);
  expect(codes()).toContain("digest_mismatch");
  expect(guard.status().subjects).toMatchObject({ seq: 2, entries: 2 });
  expect((await check("ada")).reason).toBe("subject_unknown");
});

test("a restart needs no network: the set is verified again as it comes from disk", async () => {
  const folder = await mkdtemp(join(tmpdir(), "guard-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const persistPath = join(folder, "feed");
  const scene = await createScene();
  const { feed, issuer, options } = scene;
  feed.know({ known: true, iss: issuer.origin, sub: "ada" });
  const followed = { ...options().feed, persistPath, subjects: true, subjectKey: feed.subjectKey };
  const before = await scene.guard({ unknown: "deny", feed: followed });
  feed.know({ known: true, iss: issuer.origin, sub: "eve" });
  await until("the change is on disk", async () =>
    (await readFile(`${persistPath}.subjects`, "latin1")).includes('"+'),
  );
  await before.close();
  await feed.close();
  const guard = await scene.guard({ unknown: "deny", feed: followed });
  expect(guard.status()).toMatchObject({ fresh: true, subjects: { seq: 2, entries: 2 } });
  expect((await guard.check(await issuer.mint({ sub: "eve" }))).allow).toBe(true);
  expect((await guard.check(await issuer.mint({ sub: "bob" }))).reason).toBe("subject_unknown");
  expect((await stat(`${persistPath}.subjects`)).mode & 0o777).toBe(0o600);
});

function resigned(answer: FeedAnswer, bytes: Buffer): FeedAnswer {
  return { ...answer, bytes, claims: { ...answer.claims!, body_sha256: sha256(bytes) } };
}

function flipped(bytes: Buffer): Buffer {
  const other = Buffer.from(bytes);
  other[other.length - 1] = (other.at(-1) as number) ^ 1;
  return other;
}

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  return Buffer.from(bytes.toString("latin1").replace(from, to), "latin1");
}

function swapped(bytes: Buffer): Buffer {
  const at = bytes.length - 32;
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 16), bytes.subarray(at, at + 16)]);
}
