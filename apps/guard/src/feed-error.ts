/** Every code a `FeedError` can have. Codes are stable: they never change their meaning. */
export const feedFaults = [
  "feed_unreachable",
  "feed_refused",
  "feed_keys_unavailable",
  "checkpoint_missing",
  "checkpoint_forged",
  "checkpoint_malformed",
  "checkpoint_elsewhere",
  "checkpoint_expired",
  "clocks_disagree",
  "body_forged",
  "body_malformed",
  "rolled_back",
  "digest_mismatch",
  "subject_key_missing",
  "subject_key_wrong",
  "file_unusable",
  "receipt_refused",
  "report_refused",
] as const;

export type FeedFault = (typeof feedFaults)[number];

/** Something the feed did that the guard does not act on; `code` is stable, and goes to `onError`. */
export class FeedError extends Error {
  override readonly name = "FeedError";
  readonly code: FeedFault;
  readonly retryAfterMs: number | undefined;

  constructor(
    code: FeedFault,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number } = {},
  ) {
    super(`${code}: ${message}`, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}
