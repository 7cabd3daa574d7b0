import type { Follower } from "./followers.ts";
import { cursorText } from "./feed-kind.ts";
import type { Cursor } from "./log-tail.ts";

export type StreamOptions = {
  readonly follower: Follower;
  readonly since: Cursor;
  readonly limit: number;
  /** The longest that it lasts; undefined for as long as both sides like. */
  readonly msMax: number | undefined;
  /** Whether the token still may read the feed. */
  readonly isAlive: () => Promise<boolean>;
  readonly signal: AbortSignal;
  readonly now: () => number;
};

const checkpointMs = 5_000;

/**
 * Changes as they come, as server-sent events (HTML Living Standard §9.2), with a checkpoint at
 * least every five seconds. Ends where changes would be answered 410, and with the token: whoever
 * follows asks again and is told why.
 */
export async function* streamOf(options: StreamOptions): AsyncGenerator<string> {
  const { follower, limit, signal, now } = options;
  const endsAtMs = options.msMax === undefined ? Number.POSITIVE_INFINITY : now() + options.msMax;
  let cursor = options.since;
  let toldAtMs = Number.NEGATIVE_INFINITY;
  while (!signal.aborted && !follower.tail.isClosed) {
    const present = await follower.tail.present();
    if (!(await options.isAlive())) return;
    if (present.head.epoch !== cursor.epoch || cursor.seq < present.head.floorSeq) return;
    if (present.head.seq > cursor.seq) {
      const page = await follower.answers.changes(present, cursor.seq, limit);
      if (page === undefined) return;
      cursor = { epoch: cursor.epoch, seq: page.to };
      toldAtMs = now();
      yield `id: ${cursorText(cursor)}\nevent: ops\ndata: ${page.checkpoint}\ndata: ${page.body.toString("utf8")}\n\n`;
      continue;
    }
    if (now() - toldAtMs >= checkpointMs) {
      toldAtMs = now();
      yield `id: ${cursorText(cursor)}\nevent: checkpoint\ndata: ${await follower.answers.unchanged(present)}\n\n`;
    }
    if (now() >= endsAtMs) return;
    await follower.tail.waitPast(cursor, Math.min(toldAtMs + checkpointMs, endsAtMs) - now(), signal);
  }
}
