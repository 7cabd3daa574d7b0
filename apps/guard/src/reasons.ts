type ReasonRow = {
  /** 401: this token will not do. 503: the guard cannot tell, and the same token may pass later. */
  readonly status: 401 | 503;
  readonly meaning: string;
};

/** Every reason the guard can give for a refusal. Codes are stable: they never change their meaning. */
export const refusalReasons = {
  token_missing: { status: 401, meaning: "The request carries no token." },
  token_malformed: {
    status: 401,
    meaning: "The token is not a signed JWT that can be read, or is larger than 16 KiB.",
  },
  signature_invalid: { status: 401, meaning: "The signature does not match the issuer's key." },
  algorithm_not_allowed: {
    status: 401,
    meaning: "The token is signed with an algorithm its issuer is not configured for.",
  },
  key_unknown: { status: 401, meaning: "The issuer publishes no key with the token's key id." },
  keys_unavailable: {
    status: 503,
    meaning: "The issuer's keys could not be fetched, and none are held that are recent enough.",
  },
  type_not_allowed: { status: 401, meaning: "The token's typ is not an access token's." },
  issuer_unknown: { status: 401, meaning: "The token's issuer is not configured." },
  audience_wrong: { status: 401, meaning: "The token is meant for another audience." },
  token_expired: { status: 401, meaning: "The token has expired, or names no expiry." },
  token_not_yet_valid: { status: 401, meaning: "The token is not valid yet." },
  tenant_wrong: { status: 401, meaning: "The token names no tenant, or another one." },
  subject_missing: { status: 401, meaning: "The token has no subject claim." },
  subject_malformed: { status: 401, meaning: "The subject is not of the configured format." },
  revoked: { status: 401, meaning: "The subject, session, token, tenant or issuer is denied by the feed." },
  issued_before_revocation: { status: 401, meaning: "The token was issued before a revocation, or does not say when." },
  subject_unknown: { status: 401, meaning: "Rollcall knows no user for the subject." },
  claims_missing: {
    status: 401,
    meaning: "Rollcall knows no user for the subject, and the token lacks claims to make one of.",
  },
  subject_denied: { status: 401, meaning: "Rollcall knows the subject's user and denies it." },
  feed_stale: {
    status: 503,
    meaning: "The revocation feed is too old to decide by, and the route refuses in that case.",
  },
  resolve_unavailable: { status: 503, meaning: "Rollcall had to be asked about the subject and did not answer." },
} as const satisfies Record<string, ReasonRow>;

export type RefusalReason = keyof typeof refusalReasons;
