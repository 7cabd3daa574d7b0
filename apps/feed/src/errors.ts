export type FeedErrorCode =
  | "unauthenticated"
  | "not_found"
  | "cursor_gone"
  | "cursor_invalid"
  | "query_invalid"
  | "body_invalid"
  | "too_many"
  | "rate_limited"
  | "unavailable";

/** What the feed refuses, and what to do about it. */
export const feedErrors = {
  unauthenticated: { status: 401, detail: "a live feed token is needed" },
  not_found: { status: 404, detail: "there is no such feed" },
  cursor_gone: { status: 410, detail: "changes since this cursor cannot be told: take a new snapshot" },
  cursor_invalid: { status: 400, detail: "since must be {epoch}-{seq}" },
  query_invalid: { status: 400, detail: "wait and limit must be whole numbers from 0" },
  body_invalid: { status: 400, detail: "the body is not what this route takes" },
  too_many: { status: 429, detail: "the feed has as many gateways as it may: let each keep one name" },
  rate_limited: { status: 429, detail: "this token asks too often: wait as long as Retry-After says" },
  unavailable: { status: 503, detail: "the feed cannot answer now" },
} satisfies Record<FeedErrorCode, { status: number; detail: string }>;

/** Why a cursor leads nowhere: it is of another epoch, of entries that are forgotten, or ahead of everything. */
export type GoneReason = "epoch_changed" | "cursor_forgotten" | "cursor_ahead";

type Circumstances = {
  readonly retryAfterSec?: number;
  readonly reason?: GoneReason;
  /** What the feed states of itself, for an answer that is a refusal all the same. */
  readonly headers?: Readonly<Record<string, string>>;
};

export class FeedRefusal extends Error {
  readonly code: FeedErrorCode;
  readonly circumstances: Circumstances;

  constructor(code: FeedErrorCode, circumstances: Circumstances = {}) {
    super(feedErrors[code].detail);
    this.name = "FeedRefusal";
    this.code = code;
    this.circumstances = circumstances;
  }
}
