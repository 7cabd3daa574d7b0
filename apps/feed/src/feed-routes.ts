import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { changesMediaType, checkpointHeader, streamMediaType } from "@rollcall/guard";
import type { Admission } from "./admission.ts";
import { signalOf } from "./asker.ts";
import { parseReceipt } from "./bodies.ts";
import type { Callers } from "./callers.ts";
import { FeedRefusal, type GoneReason } from "./errors.ts";
import { cursorText } from "./feed-kind.ts";
import type { RefusalTaker } from "./refusal-taker.ts";
import { type FeedLog, type Follower, type Followers, isAhead } from "./followers.ts";
import type { Cursor } from "./log-tail.ts";
import { streamOf } from "./stream.ts";

export type FeedParts = {
  readonly followers: Followers;
  readonly admission: Admission;
  readonly callers: Callers;
  readonly refusals: RefusalTaker;
  readonly now: () => number;
};

type Heads = Readonly<Record<string, string>>;
type AnyPresent = Awaited<ReturnType<Follower["tail"]["present"]>>;

const pageMax = 1_000;
const waitSecMax = 55;
const codedMin = 1_024;
/** Shorter than two keys of the feed overlap, so that whoever finds it in a cache can verify it. */
const snapshotMaxAgeSec = 600;
const decorator = "feedFollower";

/** The routes of one kind of feed: snapshot, changes and stream; receipts are for revocations alone. */
export function feedRoutesOf(parts: FeedParts, log: FeedLog): FastifyPluginAsync {
  const { followers, callers } = parts;
  return async (app) => {
    app.decorateRequest(decorator, null);
    app.addHook("onRequest", callers.admit);
    app.addHook("onRequest", async (request) => {
      const { feed } = request.params as { feed: string };
      const follower = await followers.open(callers.of(request).bearer, feed, log);
      request.setDecorator<Follower>(decorator, follower);
    });
    const followerOf = (request: FastifyRequest): Follower => request.getDecorator<Follower>(decorator);

    app.get("/snapshot", async (request, reply) => {
      const { tail, answers } = followerOf(request);
      const present = await tail.refresh();
      const at = answers.bestSnapshot(present);
      return reply
        .code(302)
        .headers(answerHeaders(at, await answers.unchanged(present)))
        .header("location", `${request.url.split("?")[0]}s/${cursorText(at)}`)
        .send();
    });
    app.get("/snapshots/:cursor", (request, reply) => answerSnapshot(parts, followerOf(request), request, reply));
    app.get("/changes", (request, reply) => answerChanges(parts, followerOf(request), request, reply));
    // A HEAD of it would never end.
    app.get("/stream", { exposeHeadRoute: false }, (request, reply) =>
      answerStream(parts, followerOf(request), request, reply),
    );
    if (log === "revocations") {
      app.post("/receipts", async (request, reply) => {
        await followers.receive(callers.of(request).bearer, followerOf(request), parseReceipt(request.body));
        return reply.code(204).send();
      });
      app.post("/refusals", async (request, reply) => {
        await parts.refusals.take(callers.of(request).bearer, request.body);
        return reply.code(204).send();
      });
    }
  };
}

async function answerSnapshot(
  { admission, callers }: FeedParts,
  { tail, answers, kind }: Follower,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const at = parseCursor((request.params as { cursor: string }).cursor);
  // Read before the entries: what it promises is in them.
  const present = await tail.refresh();
  const reason = goneReason(at, present);
  if (reason !== undefined) throw await gone({ answers }, present, reason);
  if (!answers.isSnapshotMade(at)) admission.admitWork(callers.of(request).bearer.credentialId);
  const answer = await answers.snapshot(present, at);
  if (answer === undefined) throw await gone({ answers }, present, "cursor_forgotten");
  reply
    .headers(answerHeaders(at, answer.checkpoint))
    .header("cache-control", `${kind.isHashed ? "public" : "private"}, max-age=${snapshotMaxAgeSec}, immutable`);
  if (request.headers["if-none-match"] === `"${cursorText(at)}"`) return reply.code(304).send();
  reply.type(kind.snapshotType);
  const { coded } = answer.snapshot;
  if (acceptsGzip(request)) return reply.header("content-encoding", "gzip").send(coded);
  return reply.send(Readable.from([coded]).pipe(createGunzip()));
}

async function answerChanges(
  parts: FeedParts,
  follower: Follower,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { tail, answers } = follower;
  const query = request.query as { since?: string; wait?: string; limit?: string };
  const since = parseCursor(query.since ?? "");
  const waitMs = 1_000 * (bounded(query.wait, waitSecMax) ?? 0);
  const limit = Math.max(1, bounded(query.limit, pageMax) ?? pageMax);

  let present = await presentFor(parts, follower, since, request);
  if (since.seq === present.head.seq && waitMs > 0) {
    // Who finds no place to wait in is answered at once, as if they had not asked to wait.
    const leave = parts.admission.place();
    if (leave !== undefined) {
      await tail.waitPast(since, waitMs, signalOf(reply)).finally(leave);
      // A token that was revoked meanwhile is told nothing any more.
      if (!(await parts.callers.of(request).isAlive())) throw new FeedRefusal("unauthenticated");
      present = await tail.present();
      const reason = goneReason(since, present);
      if (reason !== undefined) throw await gone(follower, present, reason);
    }
  }
  if (since.seq === present.head.seq)
    return reply
      .code(304)
      .headers(answerHeaders(present.head, await answers.unchanged(present)))
      .send();

  const page = await answers.changes(present, since.seq, limit);
  if (page === undefined) throw await gone(follower, present, "cursor_forgotten");
  reply.headers(answerHeaders({ epoch: since.epoch, seq: page.to }, page.checkpoint)).type(changesMediaType);
  if (page.body.length < codedMin || !acceptsGzip(request)) return reply.send(page.body);
  return reply.header("content-encoding", "gzip").send(await page.coded());
}

async function answerStream(
  parts: FeedParts,
  follower: Follower,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const query = request.query as { since?: string; wait?: string };
  const last = request.headers["last-event-id"];
  const since = parseCursor(typeof last === "string" && last !== "" ? last : (query.since ?? ""));
  const waitSec = bounded(query.wait, Number.MAX_SAFE_INTEGER);
  await presentFor(parts, follower, since, request);
  const leave = parts.admission.place();
  if (leave === undefined) throw new FeedRefusal("unavailable", { retryAfterSec: 5 });
  reply.raw.once("close", leave);
  const events = streamOf({
    follower,
    since,
    limit: pageMax,
    msMax: waitSec === undefined ? undefined : waitSec * 1_000,
    isAlive: parts.callers.of(request).isAlive,
    signal: signalOf(reply),
    now: parts.now,
  });
  return reply
    .headers({ "cache-control": "no-store", "x-accel-buffering": "no", vary: "authorization" })
    .type(streamMediaType)
    .send(Readable.from(events));
}

/** The present, where the cursor leads into it. Throws 410 with the reason where it does not. */
async function presentFor(
  { followers, callers }: FeedParts,
  follower: Follower,
  since: Cursor,
  request: FastifyRequest,
): Promise<AnyPresent> {
  let present = await follower.tail.present();
  // Another process may have told this gateway of something newer than this one has read.
  if (isAhead(since, present.head) || since.epoch !== present.head.epoch) present = await follower.tail.refresh();
  if (isAhead(since, present.head)) {
    const { credentialId } = callers.of(request).bearer;
    await followers.suspectRollback(follower, since, { seenBy: "cursor", credentialId });
    present = await follower.tail.present();
    throw await gone(follower, present, "cursor_ahead");
  }
  const reason = goneReason(since, present);
  if (reason !== undefined) throw await gone(follower, present, reason);
  return present;
}

function goneReason(cursor: Cursor, { head }: AnyPresent): GoneReason | undefined {
  if (cursor.epoch !== head.epoch) return "epoch_changed";
  if (cursor.seq > head.seq) return "cursor_ahead";
  return cursor.seq < head.floorSeq ? "cursor_forgotten" : undefined;
}

/** A refusal that still states, signed, where the feed is. */
async function gone(
  { answers }: Pick<Follower, "answers">,
  present: AnyPresent,
  reason: GoneReason,
): Promise<FeedRefusal> {
  const checkpoint = await answers.unchanged(present);
  return new FeedRefusal("cursor_gone", { reason, headers: { [checkpointHeader]: checkpoint } });
}

function answerHeaders(at: Cursor, checkpoint: string): Heads {
  return {
    [checkpointHeader]: checkpoint,
    etag: `"${cursorText(at)}"`,
    "cache-control": "private, no-cache",
    // Tokens read the same feed under names or under hashes: what a cache keeps for one is not another's.
    vary: "authorization, accept-encoding",
  };
}

function acceptsGzip(request: FastifyRequest): boolean {
  return /(?:^|[\s,])(?:gzip|\*)(?!\s*;\s*q=0(?:\.0*)?(?:\s|,|$))/i.test(request.headers["accept-encoding"] ?? "");
}

function parseCursor(text: string): Cursor {
  const [, epoch, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (epoch === undefined || seq === undefined) throw new FeedRefusal("cursor_invalid");
  return { epoch: Number(epoch), seq: Number(seq) };
}

function bounded(text: string | undefined, max: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text === "" || !Number.isInteger(value) || value < 0) throw new FeedRefusal("query_invalid");
  return Math.min(value, max);
}
