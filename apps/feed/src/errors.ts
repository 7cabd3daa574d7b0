export type FeedErrorCode =
  | "unauthenticated"
  | "not_found"
  | "cursor_gone"
  | "cursor_invalid"
  | "query_invalid"
  | "body_invalid"
  | "too_many"
  | "unavailable";

/** What the feed refuses, and what to do about it. */
export const feedErrors = {
  unauthenticated: { status: 401, detail: "a live feed token is needed" },
  not_found: { status: 404, detail: "there is no such feed" },
  cursor_gone: { status: 410, detail: "changes since this cursor are not known any more: take a new snapshot" },
  cursor_invalid: { status: 400, detail: "since must be {epoch}-{seq}" },
  query_invalid: { status: 400, detail: "wait and limit must be whole numbers from 0" },
  body_invalid: { status: 400, detail: "the body is not what this route takes" },
  too_many: { status: 429, detail: "the tenant has as many gateways as it may: let each keep one name" },
  unavailable: { status: 503, detail: "the feed cannot answer now" },
} satisfies Record<FeedErrorCode, { status: number; detail: string }>;

export class FeedRefusal extends Error {
  readonly code: FeedErrorCode;

  constructor(code: FeedErrorCode) {
    super(feedErrors[code].detail);
    this.name = "FeedRefusal";
    this.code = code;
  }
}
