import type { ChangesAnswer, FeedClient } from "./feed-client.ts";
import { FeedError } from "./feed-error.ts";
import type { FeedFile } from "./feed-file.ts";
import type { Intake, Received } from "./feed-intake.ts";
import type { FeedPosition } from "./feed-state.ts";
import type { CheckpointClaims } from "./wire.ts";

export type TakerParts = {
  readonly client: Pick<FeedClient, "turnAway" | "hasOthers">;
  readonly intake: Intake;
  readonly file: FeedFile | undefined;
  readonly position: () => FeedPosition | undefined;
  /** An answer was verified and follows what is held. */
  readonly onFollowed: () => void;
  readonly onPollAfter: (ms: number | undefined) => void;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

export type Taker = {
  readonly takeSnapshot: (received: Received) => Promise<void>;
  /** Takes an answer to a poll or from a stream. */
  readonly take: (answer: ChangesAnswer) => Promise<void>;
  /** Whether only a snapshot leads on from here. */
  readonly wantsSnapshot: () => boolean;
  readonly wantSnapshot: () => void;
  /** Snapshots since the last answer that followed one. */
  readonly snapshotsInARow: () => number;
};

/** Takes answers of a feed in, keeps them on disk, and knows when it takes a snapshot to go on. */
export function createTaker(parts: TakerParts): Taker {
  const { intake, file, onError } = parts;
  let wantsSnapshot = false;
  let snapshotsInARow = 0;

  return {
    takeSnapshot: async (received) => {
      await intake(received);
      wantsSnapshot = false;
      snapshotsInARow += 1;
      await keep(parts, received);
    },
    take: async (answer) => {
      if (answer.kind === "gone") {
        wantsSnapshot = true;
        return;
      }
      const { outcome, checkpoint, pollAfterMs } = await intake(answer);
      parts.onPollAfter(pollAfterMs);
      if (outcome === "drifted")
        onError(new FeedError("digest_mismatch", "what is held is not what the feed holds; taking a snapshot"));
      if (outcome !== "taken") {
        wantsSnapshot = true;
        return;
      }
      if (checkpoint !== undefined) weighAge(parts, checkpoint);
      await keep(parts, answer);
      wantsSnapshot = file?.overgrown() === true;
      snapshotsInARow = 0;
      parts.onFollowed();
    },
    wantsSnapshot: () => wantsSnapshot,
    wantSnapshot: () => void (wantsSnapshot = true),
    snapshotsInARow: () => snapshotsInARow,
  };
}

/** Tells of an answer that had expired when it came, and leaves a source whose answers grow old for another one. */
function weighAge({ client, position, now, onError }: TakerParts, { iat, exp }: CheckpointClaims): void {
  const nowSec = now() / 1_000;
  if (exp <= nowSec) {
    const lateSec = Math.round(nowSec - exp);
    const cause = "whoever brought it is frozen, or a clock is wrong";
    onError(new FeedError("checkpoint_expired", `a checkpoint came ${lateSec} s after it expired: ${cause}`));
  }
  const maxStaleSec = position()?.maxStaleSec ?? 0;
  if (client.hasOthers && nowSec - iat > maxStaleSec / 2) client.turnAway();
}

async function keep({ file, onError }: TakerParts, received: Received): Promise<void> {
  if (file === undefined) return;
  try {
    await (received.kind === "snapshot" ? file.begin(received) : file.append(received));
  } catch (error) {
    onError(error instanceof Error ? error : new Error(String(error)));
  }
}
