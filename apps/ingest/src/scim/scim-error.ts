import type { ErrorCode } from "@rollcall/core/domain";

export type ScimErrorBody = {
  readonly schemas: readonly ["urn:ietf:params:scim:api:messages:2.0:Error"];
  readonly status: string;
  readonly scimType?: string;
  readonly detail: string;
};

/** RFC 7644 §3.12, Table 9. `satisfies` makes a new ErrorCode without a row here a compile error. */
export const scimErrors = {
  unauthenticated: { status: 401 },
  forbidden: { status: 403 },
  role_insufficient: { status: 403 },
  request_foreign: { status: 403 },
  login_failed: { status: 403 },
  not_found: { status: 404 },
  user_name_taken: { status: 409, scimType: "uniqueness" },
  external_id_taken: { status: 409, scimType: "uniqueness" },
  group_name_taken: { status: 409, scimType: "uniqueness" },
  slug_taken: { status: 409, scimType: "uniqueness" },
  link_conflict: { status: 409 },
  schema_taken: { status: 409, scimType: "uniqueness" },
  schema_in_use: { status: 409 },
  pull_under_way: { status: 409 },
  connection_in_use: { status: 409 },
  connection_paused: { status: 503 },
  version_conflict: { status: 412 },
  reference_unresolved: { status: 409 },
  value_invalid: { status: 400, scimType: "invalidValue" },
  path_invalid: { status: 400, scimType: "invalidPath" },
  target_missing: { status: 400, scimType: "noTarget" },
  attribute_read_only: { status: 400, scimType: "mutability" },
  filter_invalid: { status: 400, scimType: "invalidFilter" },
  // RFC 9865 §2.1.
  cursor_invalid: { status: 400, scimType: "invalidCursor" },
  cursor_expired: { status: 400, scimType: "expiredCursor" },
  count_invalid: { status: 400, scimType: "invalidCount" },
  syntax_invalid: { status: 400, scimType: "invalidSyntax" },
  not_acceptable: { status: 406 },
  media_type_unsupported: { status: 415 },
  body_too_large: { status: 413 },
  too_many: { status: 400, scimType: "tooMany" },
  rate_limited: { status: 429 },
  not_implemented: { status: 501 },
  unavailable: { status: 503 },
} satisfies Record<ErrorCode, { readonly status: number; readonly scimType?: string }>;

/** The body of a refusal; its status is a string (RFC 7644 §3.12). */
export function scimErrorBody(status: number, detail: string, scimType?: string): ScimErrorBody {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
    status: String(status),
    ...(scimType === undefined ? {} : { scimType }),
    detail,
  };
}
