import { FeedError } from "./feed-error.ts";
import type { FeedFile } from "./feed-file.ts";
import type { Intake } from "./feed-intake.ts";
import type { KeySource } from "./key-source.ts";

export type RecoveryParts = {
  readonly file: FeedFile | undefined;
  readonly keys: KeySource;
  readonly intake: Intake;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

/** Takes what is on disk, once, with every check an answer from the network has; true if a snapshot has to replace it. */
export function createRecovery({ file, keys, intake, now, onError }: RecoveryParts): () => Promise<boolean> {
  let recovered = false;
  return async () => {
    if (recovered || file === undefined) return false;
    if (keys.version(now()) === undefined)
      throw new FeedError("feed_keys_unavailable", "without the feed's keys its file cannot be verified");
    recovered = true;
    try {
      const { records, torn } = await file.load();
      for (const record of records) {
        const { outcome } = await intake(record);
        if (outcome !== "taken") throw new FeedError("body_malformed", "a record does not follow the one before it");
      }
      if (torn) throw new FeedError("body_malformed", "the last record is not whole");
      return false;
    } catch (cause) {
      onError(
        new FeedError("file_unusable", "the persisted feed was taken only as far as it could be verified", { cause }),
      );
      return true;
    }
  };
}
