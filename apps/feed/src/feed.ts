import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { changesMediaType, checkpointHeader, snapshotMediaType } from "@rollcall/guard";
import { DirectoryError } from "@rollcall/core/domain";
import type { Bearer, Credentials, Database, FeedHead } from "@rollcall/core/store";
import { parseReceipt, parseResolve } from "./bodies.ts";
import { type Follower, type Followers, openFollowers } from "./followers.ts";
import { type FeedErrorCode, FeedRefusal, feedErrors } from "./errors.ts";
import type { Signer } from "./signing-keys.ts";

export { openSigner, type Signer } from "./signing-keys.ts";

export type FeedDependencies = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly signer: Signer;
  readonly publicUrl: string;
  readonly staleSecMax: number;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

const pageMax = 1_000;
const waitSecMax = 55;

/** Serves the revocation feed of each tenant, and answers gateways about single subjects. */
export async function feedRoutes(dependencies: FeedDependencies): Promise<FastifyPluginAsync> {
  const followers = await openFollowers(dependencies);
  return async (app) => {
    app.addHook("preClose", async () => followers.close());
    app.setErrorHandler((error, request, reply) => answerError(error as Error, request, reply));
    app.get("/.well-known/jwks.json", async (_request, reply) =>
      reply.header("cache-control", "public, max-age=60").send(dependencies.signer.jwks),
    );
    await app.register(feedPart(dependencies, followers), { prefix: "/v1/feeds/:feed" });
    app.post(
      "/v1/resolve",
      { onRequest: async (request) => void (await bearerOf(request, dependencies.credentials)) },
      async (request) => {
        const bearer = await bearerOf(request, dependencies.credentials);
        return followers.resolve(bearer.tenantId, parseResolve(request.body));
      },
    );
  };
}

function feedPart(dependencies: FeedDependencies, followers: Followers): FastifyPluginAsync {
  return async (app) => {
    const followerOf = async (request: FastifyRequest): Promise<Follower> => {
      const bearer = await bearerOf(request, dependencies.credentials);
      const { feed } = request.params as { feed: string };
      return followers.open(bearer.tenantId, feed);
    };
    // Before any body is read; and again in the route, where the follower is needed.
    app.addHook("onRequest", async (request) => void (await followerOf(request)));

    app.get("/snapshot", async (request, reply) => {
      const follower = await followerOf(request);
      const head = await follower.view.refresh();
      const checkpoint = await follower.answers.unchanged(head);
      return reply
        .code(302)
        .headers(answerHeaders(head, checkpoint))
        .header("location", `${request.url.split("?")[0]}s/${cursorOf(head)}`)
        .send();
    });
    app.get("/snapshots/:cursor", async (request, reply) => {
      const follower = await followerOf(request);
      const { epoch, seq } = parseCursor((request.params as { cursor: string }).cursor);
      // Read before the entries: what it promises is in them.
      const head = await follower.view.refresh();
      const answer = await follower.answers.snapshot(head, epoch, seq);
      if (answer === undefined) throw new FeedRefusal("cursor_gone");
      return reply
        .header(checkpointHeader, answer.checkpoint)
        .header("etag", `"${epoch}-${seq}"`)
        .header("cache-control", "private, max-age=60, immutable")
        .header("content-encoding", "gzip")
        .type(snapshotMediaType)
        .send(answer.body);
    });
    app.get("/changes", async (request, reply) => answerChanges(await followerOf(request), request, reply));
    app.post("/receipts", async (request, reply) => {
      const follower = await followerOf(request);
      await followers.receive(follower.tenantId, parseReceipt(request.body));
      return reply.code(204).send();
    });
  };
}

async function answerChanges(follower: Follower, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const query = request.query as { since?: string; wait?: string; limit?: string };
  const since = parseCursor(query.since ?? "");
  const waitMs = 1_000 * bounded(query.wait, 0, waitSecMax);
  const limit = bounded(query.limit, pageMax, pageMax);

  let head = await follower.view.head();
  // Another process may have told this gateway of something newer than this one has read.
  if (since.seq > head.seq || since.epoch !== head.epoch) head = await follower.view.refresh();
  if (since.epoch !== head.epoch || since.seq > head.seq || since.seq < head.floorSeq)
    throw new FeedRefusal("cursor_gone");
  if (since.seq === head.seq && waitMs > 0) {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    await follower.view.waitPast(since.seq, waitMs, gone.signal);
    head = await follower.view.head();
  }
  if (since.seq === head.seq)
    return reply
      .code(304)
      .headers(answerHeaders(head, await follower.answers.unchanged(head)))
      .send();

  const answer = await follower.answers.changes(head, since.seq, limit);
  if (answer === undefined) throw new FeedRefusal("cursor_gone");
  return reply
    .headers(answerHeaders({ epoch: head.epoch, seq: answer.to }, answer.checkpoint))
    .type(changesMediaType)
    .send(answer.body);
}

/** A gateway's token, and its tenant. Another purpose, another tenant's or nobody's: all are the same 401. */
async function bearerOf(
  request: FastifyRequest,
  credentials: Credentials,
): Promise<Bearer & { readonly tenantId: string }> {
  const [, token] = /^Bearer +([\w-]+)$/i.exec(request.headers.authorization ?? "") ?? [];
  const bearer = token === undefined ? undefined : await credentials.authenticate(token, "feed");
  if (bearer?.tenantId === undefined) throw new FeedRefusal("unauthenticated");
  return { ...bearer, tenantId: bearer.tenantId };
}

function answerHeaders(head: Pick<FeedHead, "epoch" | "seq">, checkpoint: string): Record<string, string> {
  return { [checkpointHeader]: checkpoint, etag: `"${cursorOf(head)}"`, "cache-control": "private, no-cache" };
}

function cursorOf(head: Pick<FeedHead, "epoch" | "seq">): string {
  return `${head.epoch}-${head.seq}`;
}

function parseCursor(text: string): { readonly epoch: number; readonly seq: number } {
  const [, epoch, seq] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  if (epoch === undefined || seq === undefined) throw new FeedRefusal("cursor_invalid");
  return { epoch: Number(epoch), seq: Number(seq) };
}

function bounded(text: string | undefined, fallback: number, max: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (!Number.isInteger(value) || value < 0) throw new FeedRefusal("query_invalid");
  return Math.min(value, max);
}

function answerError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const code = codeOf(error);
  const { status, detail } = feedErrors[code];
  if (status >= 500) request.log.error({ err: error, request: request.id }, "the feed could not answer");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 503 || status === 429) reply.header("retry-after", "1");
  return reply
    .code(status)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", status, code, detail, request_id: request.id }));
}

function codeOf(error: Error): FeedErrorCode {
  if (error instanceof FeedRefusal) return error.code;
  if (error instanceof DirectoryError && error.code === "too_many") return "too_many";
  const { statusCode } = error as { statusCode?: number };
  return statusCode !== undefined && statusCode < 500 ? "body_invalid" : "unavailable";
}
