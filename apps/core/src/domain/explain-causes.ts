export type ExplainStepName =
  | "token"
  | "issuer"
  | "signature"
  | "type"
  | "audience"
  | "time"
  | "subject"
  | "directory"
  | "sync"
  | "user_store"
  | "revocation"
  | "gateway"
  | "just_in_time";

/** What each cause is, in a sentence for whoever has the problem, and what to do about it. */
export const explainCauses = {
  ok: {
    sentence: "Rollcall lets this subject in.",
    fix: "Nothing to do here. If a gateway still refuses it, read the reason in that gateway's own log.",
  },
  token_malformed: {
    sentence: "The token is not a signed JWT that can be read.",
    fix: "Pass the access token itself: three parts of base64url with dots between, without `Bearer` and without line breaks.",
  },
  issuer_unknown: {
    sentence: "No connection of this tenant names the token's issuer.",
    fix: "Add the issuer, byte for byte, to the connection of its users: rollcall connection set <connection> --issuer <iss>.",
  },
  algorithm_not_allowed: {
    sentence: "The token is signed with an algorithm that no gateway may accept.",
    fix: "Have the issuer sign with an asymmetric algorithm such as RS256 or ES256.",
  },
  key_unknown: {
    sentence: "The issuer publishes no key with the token's key id.",
    fix: "The token may come from another environment of the same issuer, or its key was retired: get a new token.",
  },
  keys_unavailable: {
    sentence: "The issuer's keys could not be fetched, so the signature was not checked.",
    fix: "Check that the issuer's /.well-known/openid-configuration and its jwks_uri answer from here.",
  },
  signature_invalid: {
    sentence: "The signature does not match the issuer's key.",
    fix: "The token was changed on its way, or somebody else made it: get a new one from the issuer.",
  },
  type_not_allowed: {
    sentence: "The token is not an access token.",
    fix: "Send the access token, not the ID token or a logout token.",
  },
  audience_wrong: {
    sentence: "The token is meant for another audience.",
    fix: "Ask the issuer for a token with this API's audience, or correct the connection's audience.",
  },
  token_expired: {
    sentence: "The token has expired, or names no expiry.",
    fix: "Get a new token; if it is new, compare the clocks.",
  },
  token_not_yet_valid: {
    sentence: "The token is not valid yet.",
    fix: "Compare the clocks of the issuer and of the gateway.",
  },
  subject_missing: {
    sentence: "The token has no subject claim.",
    fix: "Have the issuer put the subject into the claim that the connection names.",
  },
  subject_empty: {
    sentence: "The token's subject is empty.",
    fix: "Map a directory attribute that every user has to the subject at the issuer.",
  },
  subject_malformed: {
    sentence: "The subject is not of the format that the connection's rule expects.",
    fix: "Compare the claim that the issuer fills with the connection's subject rule, and correct one of them.",
  },
  subject_whitespace: {
    sentence: "The subject begins or ends with white space.",
    fix: "Remove the white space where the issuer or the directory takes the attribute from.",
  },
  subject_case_differs: {
    sentence: "The subject differs from the directory's in upper and lower case only.",
    fix: "Make the two sources agree, or compare without case: rollcall connection set <connection> --compare casefold.",
  },
  subject_rule_mismatch: {
    sentence: "The subject is another attribute of the user than the connection's rule reads.",
    fix: "Set the attribute that the issuer puts into the subject: rollcall connection set <connection> --attribute <attribute>.",
  },
  never_provisioned: {
    sentence: "No identity provider ever told Rollcall of this subject.",
    fix: "Assign the user to the application at the identity provider, and check that its provisioning runs.",
  },
  other_tenant: {
    sentence: "This tenant does not know the subject, and another one does.",
    fix: "The token was sent to the wrong tenant, or the user was provisioned into the wrong one.",
  },
  other_connection: {
    sentence: "The user came by a connection that does not name this token's issuer.",
    fix: "Add the issuer to that connection, or provision the user by the connection that has it; then resync.",
  },
  user_inactive: {
    sentence: "The identity provider has deactivated the user.",
    fix: "Nothing, if the user has left. Else activate the user at the identity provider.",
  },
  user_deleted: {
    sentence: "The identity provider has deleted the user.",
    fix: "Nothing, if the user has left. Else assign the user at the identity provider again; the user keeps the id.",
  },
  not_applied: {
    sentence: "The user's last change is accepted and not applied yet.",
    fix: "Wait a moment. If it lasts, see that a worker runs: rollcall lag.",
  },
  dead_lettered: {
    sentence: "The user's last change could not be applied and was given up.",
    fix: "Remove the cause that the dead letter names, then: rollcall resync user <id>.",
  },
  drift: {
    sentence: "The user store shows an older state than the directory, and no event waits that would change it.",
    fix: "rollcall resync user <id>",
  },
  identity_missing: {
    sentence: "The user is there, but this issuer's subject is not tied to it.",
    fix: "The issuer or the rule changed after the user came: rollcall resync user <id>.",
  },
  identity_elsewhere: {
    sentence: "The subject is tied to another user than the directory says.",
    fix: "Two users claim one subject: remove it from one of them at the identity provider, then resync both.",
  },
  suspended: {
    sentence: "An admin has suspended the user.",
    fix: "rollcall user unsuspend <id>, if the reason is gone.",
  },
  revoked: { sentence: "The subject is revoked.", fix: "rollcall revoke lift, if the reason is gone." },
  denied: { sentence: "The user is denied.", fix: "See the denials: rollcall user show <id>." },
  claims_missing: {
    sentence: "The token's subject is nobody yet, and the token lacks claims to make a user of it.",
    fix: "Have the issuer put the claims into the access token, or require fewer: rollcall connection set <connection> --require <attribute>.",
  },
  provisioning_failed: {
    sentence: "The token's subject is nobody yet, and no user can be made of the token.",
    fix: "Remove the cause that the step just_in_time names; docs/just-in-time.md says who is never made.",
  },
  issued_before_revocation: {
    sentence: "The token was issued before the moment from which the subject's tokens count.",
    fix: "Get a new token: sign in again.",
  },
} as const satisfies Record<string, { readonly sentence: string; readonly fix: string }>;

export type ExplainCode = keyof typeof explainCauses;

/** One gateway, as the step `gateway` tells of it. */
export type GatewayTold = {
  readonly name: string;
  readonly follows: "tenant" | "all";
  readonly standing: "live" | "behind" | "stale" | "blind" | "gone";
  /** Entries that it has not reported yet; left out where it follows another epoch. */
  readonly behind?: number;
  readonly asOfAgeMs: number;
  /** Whether it enforces what stands against the subject; left out where nothing does. */
  readonly enforces?: boolean;
  /** It may have done so earlier: a gateway says where it is, and not since when it was past an entry. */
  readonly sinceAtLatest?: string;
};

export type ExplainStep = {
  readonly step: ExplainStepName;
  readonly status: "ok" | "problem" | "unknown";
  readonly code?: ExplainCode;
  /** What was seen; never the token. */
  readonly evidence: string;
  readonly fix?: string;
  /** Of the step `gateway`, each by itself. */
  readonly gateways?: readonly GatewayTold[];
};
