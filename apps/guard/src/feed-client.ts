import { exchange, openStream, type Answer } from "./exchange.ts";
import { FeedError } from "./feed-error.ts";
import type { Received } from "./feed-intake.ts";
import type { FeedSource } from "./feed-settings.ts";
import { readEvents } from "./server-sent-events.ts";
import { changesMediaType, checkpointHeader, streamMediaType } from "./wire.ts";

export type SignedBody = Pick<Received, "checkpoint" | "body">;
export type ChangesAnswer = Received | { readonly kind: "gone" };

export type FeedClient = {
  readonly snapshot: () => Promise<SignedBody>;
  readonly changes: (cursor: string, waitSec: number) => Promise<ChangesAnswer>;
  /** Answers as they come, until the stream ends. Undefined where the feed has no stream to offer. */
  readonly stream: (cursor: string) => Promise<AsyncIterable<ChangesAnswer> | readonly ChangesAnswer[] | undefined>;
  /** From now on another source is asked, if there is one. */
  readonly turnAway: () => void;
  /** Whether there is another source than the one being asked. */
  readonly hasOthers: boolean;
};

export type FeedClientOptions = {
  readonly sources: readonly FeedSource[];
  /** What follows a source's URL: nothing, or the path of the subjects. */
  readonly path: string;
  readonly snapshotType: string;
  readonly uptimeMs: () => number;
  readonly signal: AbortSignal;
};

const pageBytesMax = 32 * 1024 * 1024;
const snapshotBytesMax = 512 * 1024 * 1024;
const snapshotTimeoutMs = 120_000;
const answerGraceMs = 10_000;
const retryAfterMsMax = 60_000;
/** A checkpoint comes every 5 seconds; a stream that is silent for three of them is dead. */
const streamIdleMs = 15_000;
/** Then the first source is tried again, whatever drove us away from it. */
const turnBackMs = 300_000;
const noStream: readonly number[] = [404, 405, 406, 501];

/** The feed's routes. What they answer is unverified. */
export function createFeedClient({ sources, path, snapshotType, uptimeMs, signal }: FeedClientOptions): FeedClient {
  const choice = createChoice(sources, uptimeMs);

  const request = (route: string, headers: Record<string, string>, timeoutMs: number, bytesMax: number) => {
    const { url, token } = choice.source();
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    return { url: `${url}${path}${route}`, headers: { ...authorization, ...headers }, timeoutMs, bytesMax, signal };
  };
  const get = (...of: Parameters<typeof request>): Promise<Answer> => orUnreachable(exchange(request(...of)));

  return {
    snapshot: async () => {
      const accept = { accept: snapshotType };
      const pointer = await get("/snapshot", accept, snapshotTimeoutMs, snapshotBytesMax);
      if (pointer.status === 200) return signedBody(pointer);
      // Only the cursor is taken from the redirect, so the feed's token never travels elsewhere.
      const cursor = /\/(\d+-\d+)$/.exec(pointer.headers.get("location") ?? "")?.[1];
      if (pointer.status !== 302 || cursor === undefined) throw refused("/snapshot", pointer);
      const answer = await get(`/snapshots/${cursor}`, accept, snapshotTimeoutMs, snapshotBytesMax);
      if (answer.status !== 200) throw refused("/snapshots", answer);
      return signedBody(answer);
    },

    changes: async (cursor, waitSec) => {
      const headers = { accept: changesMediaType, "if-none-match": `"${cursor}"` };
      const timeoutMs = waitSec * 1_000 + answerGraceMs;
      const answer = await get(`/changes?since=${cursor}&wait=${waitSec}`, headers, timeoutMs, pageBytesMax);
      if (answer.status === 200) return { kind: "changes", ...signedBody(answer) };
      if (answer.status === 304) return { kind: "unchanged", ...signedBody(answer) };
      if (answer.status === 410) return { kind: "gone" };
      throw refused("/changes", answer);
    },

    stream: async (cursor) => {
      const headers = { accept: streamMediaType, "last-event-id": cursor };
      const asked = request(`/stream?since=${cursor}`, headers, streamIdleMs, pageBytesMax);
      const answer = await orUnreachable(openStream(asked));
      const isStream = answer.headers.get("content-type")?.startsWith(streamMediaType) === true;
      if (answer.status === 200 && isStream) return readAnswers(answer.chunks);
      answer.close();
      if (answer.status === 410) return [{ kind: "gone" }];
      if (answer.status === 200 || noStream.includes(answer.status)) return undefined;
      throw refused("/stream", answer);
    },

    turnAway: choice.turnAway,
    hasOthers: sources.length > 1,
  };
}

/** The source that is asked: the first one, and after a failure the next, for a while. */
function createChoice(sources: readonly FeedSource[], uptimeMs: () => number) {
  let chosen = 0;
  let chosenAtMs = Number.NEGATIVE_INFINITY;
  return {
    source: (): FeedSource => {
      if (chosen !== 0 && uptimeMs() - chosenAtMs > turnBackMs) chosen = 0;
      return sources[chosen] as FeedSource;
    },
    turnAway: (): void => {
      chosen = (chosen + 1) % sources.length;
      chosenAtMs = uptimeMs();
    },
  };
}

async function* readAnswers(chunks: AsyncIterable<Uint8Array>): AsyncIterable<ChangesAnswer> {
  try {
    for await (const { event, data } of readEvents(chunks, pageBytesMax)) {
      const [checkpoint, body] = data;
      // An event of a later version is not for us; the next checkpoint says whether anything was missed.
      if (event === "ops" && body !== undefined)
        yield { kind: "changes", checkpoint: checkpoint?.toString("latin1"), body };
      else if (event === "checkpoint")
        yield { kind: "unchanged", checkpoint: checkpoint?.toString("latin1"), body: Buffer.alloc(0) };
    }
  } catch (cause) {
    throw unreachable(cause);
  }
}

async function orUnreachable<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw unreachable(cause);
  }
}

function unreachable(cause: unknown): FeedError {
  return new FeedError("feed_unreachable", cause instanceof Error ? cause.message : String(cause), { cause });
}

function signedBody(answer: Answer): SignedBody {
  return { checkpoint: answer.headers.get(checkpointHeader) ?? undefined, body: answer.body };
}

function refused(path: string, { status, headers }: Pick<Answer, "status" | "headers">): FeedError {
  const seconds = Number(headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1_000, retryAfterMsMax) : undefined;
  return new FeedError(
    "feed_refused",
    `GET ${path} answered ${status}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}
