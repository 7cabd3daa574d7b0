import { type CheckpointScope, verifyCheckpoint } from "./checkpoint.ts";
import type { FeedContent, Holding } from "./feed-content.ts";
import { FeedError } from "./feed-error.ts";
import { refuseGoingBack, type FeedPosition, type FeedState } from "./feed-state.ts";
import type { CheckpointClaims } from "./wire.ts";

/** An answer of the feed as it came, from the network or from disk; nothing of it is trusted yet. */
export type Received = {
  readonly kind: "snapshot" | "changes" | "unchanged";
  readonly checkpoint: string | undefined;
  readonly body: Buffer;
};

/** `elsewhere`: genuine, but it does not follow what is held. `drifted`: what is held is not what the feed holds. */
export type Outcome = "taken" | "elsewhere" | "drifted";
export type Taken = {
  readonly outcome: Outcome;
  readonly checkpoint?: CheckpointClaims;
  readonly pollAfterMs?: number;
};

export type IntakeParts<H extends Holding, E> = {
  readonly scope: CheckpointScope;
  readonly content: FeedContent<H, E>;
  readonly state: FeedState<H, E>;
  /** What an answer brought: entries that were applied, none of them, or undefined where the whole state was replaced. */
  readonly onTaken: (entries: readonly E[] | undefined) => void;
};

export type Intake = (received: Received) => Promise<Taken>;

/** The one way into the state: verifies an answer, then applies it whole. Throws a `FeedError` for one that is not genuine. */
export function createIntake<H extends Holding, E>(parts: IntakeParts<H, E>): Intake {
  const { scope, content, state, onTaken } = parts;

  const takeSnapshot = async ({ checkpoint: jws, body }: Received): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, scope, body);
    // Before millions of lines are read, and again after: answers may have come in between.
    refuseGoingBack(state.position(), checkpoint.epoch, checkpoint.seq);
    state.replace(await content.readSnapshot(body, checkpoint), checkpoint);
    onTaken(undefined);
    return { outcome: "taken", checkpoint };
  };

  const takeChanges = async ({ checkpoint: jws, body }: Received, at: FeedPosition, held: H): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, scope, body);
    refuseGoingBack(at, checkpoint.epoch, checkpoint.seq);
    const read = content.readPage(body, checkpoint, held);
    if (read === undefined || read.head.epoch !== at.epoch || read.head.from !== at.seq)
      return { outcome: "elsewhere" };
    const agreed = state.extend(read, checkpoint);
    onTaken(read.entries);
    return { outcome: agreed ? "taken" : "drifted", checkpoint, pollAfterMs: read.head.poll_after_ms };
  };

  const takeNothing = async ({ checkpoint: jws }: Received, at: FeedPosition): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, scope);
    refuseGoingBack(at, checkpoint.epoch, checkpoint.seq);
    if (checkpoint.epoch !== at.epoch) return { outcome: "elsewhere" };
    if (checkpoint.seq !== at.seq) {
      throw new FeedError("checkpoint_elsewhere", "an answer without changes carries the checkpoint of later ones");
    }
    const agreed = state.confirm(checkpoint);
    onTaken([]);
    return { outcome: agreed ? "taken" : "drifted", checkpoint };
  };

  return async (received) => {
    if (received.kind === "snapshot") return takeSnapshot(received);
    const [at, held] = [state.position(), state.held()];
    if (at === undefined || held === undefined) return { outcome: "elsewhere" };
    return received.kind === "changes" ? takeChanges(received, at, held) : takeNothing(received, at);
  };
}
