import { verifyCheckpoint } from "./checkpoint.ts";
import { readPage, readSnapshot } from "./feed-body.ts";
import { FeedError } from "./feed-error.ts";
import { refuseGoingBack, type FeedPosition, type FeedState } from "./feed-state.ts";
import type { KeySource } from "./key-source.ts";
import type { RevocationEntry } from "./revocations.ts";

/** An answer of the feed as it came, from the network or from disk; nothing of it is trusted yet. */
export type Received = {
  readonly kind: "snapshot" | "changes" | "unchanged";
  readonly checkpoint: string | undefined;
  readonly body: Buffer;
};

/** `elsewhere`: genuine, but it does not follow what is held. `drifted`: what is held is not what the feed holds. */
export type Outcome = "taken" | "elsewhere" | "drifted";
export type Taken = { readonly outcome: Outcome; readonly pollAfterMs?: number };

export type IntakeParts = {
  readonly feed: string;
  readonly keys: KeySource;
  readonly state: FeedState;
  /** Entries that were applied; undefined where the whole state was replaced. */
  readonly onChange: (entries: readonly RevocationEntry[] | undefined) => void;
};

export type Intake = (received: Received) => Promise<Taken>;

/** The one way into the state: verifies an answer, then applies it whole. Throws a `FeedError` for one that is not genuine. */
export function createIntake({ feed, keys, state, onChange }: IntakeParts): Intake {
  const takeSnapshot = async ({ checkpoint: jws, body }: Received): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, feed, keys, body);
    state.replace(await readSnapshot(body, checkpoint), checkpoint);
    onChange(undefined);
    return { outcome: "taken" };
  };

  const takeChanges = async ({ checkpoint: jws, body }: Received, held: FeedPosition): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, feed, keys, body);
    refuseGoingBack(held, checkpoint.epoch, checkpoint.seq);
    const read = readPage(body, checkpoint);
    if (read.page.epoch !== held.epoch || read.page.from !== held.seq) return { outcome: "elsewhere" };
    const agreed = state.extend(read, checkpoint);
    onChange(read.entries);
    return { outcome: agreed ? "taken" : "drifted", pollAfterMs: read.page.poll_after_ms };
  };

  const takeNothing = async ({ checkpoint: jws }: Received, held: FeedPosition): Promise<Taken> => {
    const checkpoint = await verifyCheckpoint(jws, feed, keys);
    refuseGoingBack(held, checkpoint.epoch, checkpoint.seq);
    if (checkpoint.epoch !== held.epoch) return { outcome: "elsewhere" };
    if (checkpoint.seq !== held.seq) {
      throw new FeedError("checkpoint_elsewhere", "an answer without changes carries the checkpoint of later ones");
    }
    return { outcome: state.confirm(checkpoint) ? "taken" : "drifted" };
  };

  return async (received) => {
    if (received.kind === "snapshot") return takeSnapshot(received);
    const held = state.position();
    if (held === undefined) return { outcome: "elsewhere" };
    return received.kind === "changes" ? takeChanges(received, held) : takeNothing(received, held);
  };
}
