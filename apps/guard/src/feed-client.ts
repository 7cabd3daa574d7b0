import { exchange, type Answer } from "./exchange.ts";
import { FeedError } from "./feed-error.ts";
import type { Received } from "./feed-intake.ts";
import type { FeedSettings } from "./settings.ts";
import { changesMediaType, checkpointHeader, snapshotMediaType, type Receipt } from "./wire.ts";

export type SignedBody = Pick<Received, "checkpoint" | "body">;
export type ChangesAnswer = Received | { readonly kind: "gone" };

const pageBytesMax = 32 * 1024 * 1024;
const snapshotBytesMax = 512 * 1024 * 1024;
const snapshotTimeoutMs = 120_000;
const receiptTimeoutMs = 5_000;
const answerGraceMs = 10_000;
const retryAfterMsMax = 60_000;

/** The feed's routes. What they answer is unverified. */
export function createFeedClient(settings: FeedSettings, signal: AbortSignal) {
  const authorization = `Bearer ${settings.token}`;

  const get = async (
    path: string,
    headers: Record<string, string>,
    timeoutMs: number,
    bytesMax: number,
  ): Promise<Answer> => {
    try {
      return await exchange({
        url: `${settings.url}${path}`,
        headers: { authorization, ...headers },
        timeoutMs,
        bytesMax,
        signal,
      });
    } catch (cause) {
      throw new FeedError("feed_unreachable", cause instanceof Error ? cause.message : String(cause), { cause });
    }
  };

  return {
    snapshot: async (): Promise<SignedBody> => {
      const accept = { accept: snapshotMediaType };
      const pointer = await get("/snapshot", accept, snapshotTimeoutMs, snapshotBytesMax);
      if (pointer.status === 200) return signedBody(pointer);
      // Only the cursor is taken from the redirect, so the feed's token never travels elsewhere.
      const cursor = /\/(\d+-\d+)$/.exec(pointer.headers.get("location") ?? "")?.[1];
      if (pointer.status !== 302 || cursor === undefined) throw refused("/snapshot", pointer);
      const answer = await get(`/snapshots/${cursor}`, accept, snapshotTimeoutMs, snapshotBytesMax);
      if (answer.status !== 200) throw refused("/snapshots", answer);
      return signedBody(answer);
    },

    changes: async (cursor: string, waitSec: number): Promise<ChangesAnswer> => {
      const headers = { accept: changesMediaType, "if-none-match": `"${cursor}"` };
      const answer = await get(
        `/changes?since=${cursor}&wait=${waitSec}`,
        headers,
        waitSec * 1_000 + answerGraceMs,
        pageBytesMax,
      );
      if (answer.status === 200) return { kind: "changes", ...signedBody(answer) };
      if (answer.status === 304) return { kind: "unchanged", ...signedBody(answer) };
      if (answer.status === 410) return { kind: "gone" };
      throw refused("/changes", answer);
    },

    sendReceipt: async (receipt: Receipt): Promise<void> => {
      const answer = await exchange({
        url: `${settings.url}/receipts`,
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify(receipt),
        timeoutMs: receiptTimeoutMs,
        bytesMax: 64 * 1024,
        signal,
      });
      if (answer.status < 200 || answer.status > 299)
        throw new FeedError("receipt_refused", `POST /receipts answered ${answer.status}`);
    },
  };
}

export type FeedClient = ReturnType<typeof createFeedClient>;

function signedBody(answer: Answer): SignedBody {
  return { checkpoint: answer.headers.get(checkpointHeader) ?? undefined, body: answer.body };
}

function refused(path: string, answer: Answer): FeedError {
  const seconds = Number(answer.headers.get("retry-after") ?? Number.NaN);
  const retryAfterMs = Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1_000, retryAfterMsMax) : undefined;
  return new FeedError(
    "feed_refused",
    `GET ${path} answered ${answer.status}`,
    retryAfterMs === undefined ? {} : { retryAfterMs },
  );
}
