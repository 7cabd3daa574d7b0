/** Every public refusal of Rollcall. Each door has one table from code to answer. */
export type ErrorCode =
  | "unauthenticated"
  | "forbidden"
  | "role_insufficient"
  | "request_foreign"
  | "login_failed"
  | "not_found"
  | "user_name_taken"
  | "external_id_taken"
  | "group_name_taken"
  | "slug_taken"
  | "link_conflict"
  | "schema_taken"
  | "schema_in_use"
  | "pull_under_way"
  | "connection_in_use"
  | "connection_paused"
  | "version_conflict"
  | "reference_unresolved"
  | "value_invalid"
  | "path_invalid"
  | "target_missing"
  | "attribute_read_only"
  | "filter_invalid"
  | "cursor_invalid"
  | "cursor_expired"
  | "count_invalid"
  | "syntax_invalid"
  | "not_acceptable"
  | "media_type_unsupported"
  | "body_too_large"
  | "too_many"
  | "rate_limited"
  | "not_implemented"
  | "unavailable";

/** A refusal: something a caller asked for that the rules do not allow. Everything else is a bug or an outage. */
export class DirectoryError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "DirectoryError";
    this.code = code;
  }
}
