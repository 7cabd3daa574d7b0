/** The steps of the checklist, in the order in which they are taken: the first that fails is nearest to the cause. */
export const explainSteps = {
  token: "is it a token at all",
  issuer: "is its issuer known here",
  tenant: "is it meant for this tenant",
  signature: "did the issuer sign it",
  type: "is it an access token",
  audience: "is it meant for this API",
  time: "is it valid now",
  subject: "is the subject claim as the connection expects it",
  directory: "what the identity provider last said",
  sync: "did the last change arrive",
  user_store: "what the application knows",
  revocation: "does something refuse it",
  gateway: "do the gateways know",
  just_in_time: "would the token make a user",
} as const;

export type ExplainStepName = keyof typeof explainSteps;

type Cause = {
  /** Where it is found. */
  readonly step: ExplainStepName;
  /** What it is, for whoever has the problem. */
  readonly sentence: string;
  /** What to do about it, at whatever hour. */
  readonly fix: string;
};

/** Every cause that there is. docs/explain.md is made of this table. */
export const explainCauses = {
  ok: {
    step: "gateway",
    sentence: "Rollcall lets this subject in.",
    fix: "Nothing to do here. If a gateway still refuses it, read the reason in that gateway's own log, and paste the line here.",
  },
  token_missing: {
    step: "token",
    sentence: "The request carried no token.",
    fix: "Have the client send `Authorization: Bearer …`, and see that no proxy before the gateway takes that header away.",
  },
  token_malformed: {
    step: "token",
    sentence: "The token is not a signed JWT that can be read.",
    fix: "Pass the access token itself: three parts of base64url with dots between, without `Bearer` and without line breaks.",
  },
  issuer_unknown: {
    step: "issuer",
    sentence: "No connection of this tenant names the token's issuer.",
    fix: "Add the issuer, byte for byte, to the connection of its users: rollcall connection set <connection> --issuer <those it has> <iss>. It replaces those it has, so name them too; rollcall connection show <connection> tells them.",
  },
  wrong_environment: {
    step: "tenant",
    sentence: "The token is meant for another environment.",
    fix: "Point the client at this environment's issuer and audience and sign in again; if the token is right, correct the connection: rollcall connection set <connection>.",
  },
  tenant_claim_missing: {
    step: "tenant",
    sentence: "The token lacks the claim that says whose it is.",
    fix: "Have the issuer put the claim that the evidence names into the access token, for every client.",
  },
  tenant_unknown: {
    step: "tenant",
    sentence: "The token names another tenant, or none that is known here.",
    fix: "Compare the tenant claim with what the connection matches and with the gateway's `tenantClaim` and `tenants`, and correct the one that is wrong.",
  },
  other_tenant: {
    step: "tenant",
    sentence: "This tenant does not know it, and another one does.",
    fix: "Send the token to the tenant that the evidence names, or have its user provisioned into this one.",
  },
  algorithm_not_allowed: {
    step: "signature",
    sentence: "The token is signed with an algorithm that no gateway may accept.",
    fix: "Have the issuer sign with an asymmetric algorithm such as RS256 or ES256.",
  },
  key_unknown: {
    step: "signature",
    sentence: "The issuer publishes no key with the token's key id.",
    fix: "Get a new token; if that one fails alike, compare its `kid` with the issuer's jwks_uri: the token is of another environment, or the issuer publishes too few keys.",
  },
  keys_unavailable: {
    step: "signature",
    sentence: "The issuer's keys could not be fetched, so the signature was not checked.",
    fix: "Check that the issuer's /.well-known/openid-configuration and its jwks_uri answer from here; where they are in a network of your own, PROVIDER_NETWORKS has to name it.",
  },
  signature_invalid: {
    step: "signature",
    sentence: "The signature does not match the issuer's key.",
    fix: "Get a new token from the issuer; if many fail so, treat it as an attack, or as two environments that share key ids.",
  },
  type_not_allowed: {
    step: "type",
    sentence: "The token is not an access token.",
    fix: "Send the access token, not the ID token or a logout token.",
  },
  audience_wrong: {
    step: "audience",
    sentence: "The token is meant for another audience.",
    fix: "Ask the issuer for a token with this API's audience, or correct the connection's: rollcall connection set <connection> --audience <aud>.",
  },
  token_expired: {
    step: "time",
    sentence: "The token has expired, or names no expiry.",
    fix: "Have the client refresh its token; if it is new, compare the clocks of the issuer and of the gateway.",
  },
  token_not_yet_valid: {
    step: "time",
    sentence: "The token is not valid yet.",
    fix: "Set right the clock that is wrong, the issuer's or the gateway's.",
  },
  subject_missing: {
    step: "subject",
    sentence: "The token has no subject claim.",
    fix: "Have the issuer put the subject into the claim that the connection names, or name another: rollcall connection set <connection> --claim <claim>.",
  },
  subject_empty: {
    step: "subject",
    sentence: "The token's subject is empty.",
    fix: "Map a directory attribute that every user has to the subject at the issuer.",
  },
  subject_malformed: {
    step: "subject",
    sentence: "The subject is not of the format that the connection's rule or the gateway expects.",
    fix: "Compare the claim that the issuer fills with the connection's subject rule and the gateway's `subjectFormat`, and correct the one that is wrong.",
  },
  subject_whitespace: {
    step: "subject",
    sentence: "The subject begins or ends with white space.",
    fix: "Remove the white space where the issuer or the directory takes the attribute from.",
  },
  subject_case_differs: {
    step: "subject",
    sentence: "The subject differs from the directory's in upper and lower case only.",
    fix: "Make the two sources agree, or compare without case: rollcall connection set <connection> --compare casefold.",
  },
  subject_email_changed: {
    step: "subject",
    sentence: "The subject is an e-mail address that its user no longer has.",
    fix: "Have the user sign in again for a token with the present address; and let the issuer put something into the subject that never changes.",
  },
  subject_rule_mismatch: {
    step: "subject",
    sentence: "The subject is another attribute of the user than the connection's rule reads.",
    fix: "Set the attribute that the issuer puts into the subject: rollcall connection set <connection> --attribute <attribute>.",
  },
  service_account: {
    step: "subject",
    sentence: "The token speaks for a program, and programs are nobody's user.",
    fix: "Have the gateway tell programs by rule (`services` of its guard's issuer), so that it does not look for a user.",
  },
  never_provisioned: {
    step: "directory",
    sentence: "No identity provider ever told Rollcall of this subject.",
    fix: "Assign the user to the application at the identity provider, and check that its provisioning runs.",
  },
  other_connection: {
    step: "directory",
    sentence: "The user came by a connection that does not name this token's issuer.",
    fix: "Add the issuer to that connection: rollcall connection set <connection> --issuer <those it has> <iss>, which replaces those it has; or provision the user by the connection that has it. Then resync.",
  },
  user_inactive: {
    step: "directory",
    sentence: "The identity provider has deactivated the user.",
    fix: "Nothing, if the user has left; else activate the user at the identity provider.",
  },
  user_deleted: {
    step: "directory",
    sentence: "The identity provider has deleted the user.",
    fix: "Nothing, if the user has left; else assign the user at the identity provider again: the user keeps the id.",
  },
  not_applied: {
    step: "sync",
    sentence: "The user's last change is accepted and not applied yet.",
    fix: "Wait a moment; if it lasts, see that a worker runs and what its lane waits for: rollcall lag.",
  },
  dead_lettered: {
    step: "sync",
    sentence: "The user's last change could not be applied and was given up.",
    fix: "Remove the cause that the dead letter names, then: rollcall deadletter replay <event>.",
  },
  connection_paused: {
    step: "sync",
    sentence: "An admin has paused the connection, and it takes no more than denials.",
    fix: "Resume it, once whoever paused it agrees: rollcall connection resume <connection>.",
  },
  connection_silent: {
    step: "sync",
    sentence: "The connection has said nothing for longer than it should.",
    fix: "See in the identity provider's own provisioning log whether it runs and what it is answered; a token that has expired or was revoked is replaced by: rollcall token issue scim --connection <connection>.",
  },
  event_parked: {
    step: "sync",
    sentence: "A source has spoken of this subject, and no provisioning has brought the user yet.",
    fix: "Assign the user to the application at the identity provider: what was said is taken up when the user comes.",
  },
  pull_braked: {
    step: "sync",
    sentence: "A listing of everybody would have changed too much and waits for a person.",
    fix: "Look at what it would change and let it go on, or cancel it: rollcall pull show <id>, then rollcall pull release <id>.",
  },
  drift: {
    step: "sync",
    sentence: "The user store differs from the directory, and no event waits that would change it.",
    fix: "Have the user brought into step: rollcall resync user <id>.",
  },
  user_store_unreachable: {
    step: "user_store",
    sentence: "The user store does not answer, so nobody can tell what it knows.",
    fix: "See that PostgreSQL answers and what holds its locks (pg_stat_activity), then ask again.",
  },
  identity_missing: {
    step: "user_store",
    sentence: "The user is there, but this issuer's subject is not tied to it.",
    fix: "The issuer or the rule changed after the user came, so have the user converged anew: rollcall resync user <id>.",
  },
  identity_elsewhere: {
    step: "user_store",
    sentence: "The subject is tied to another user than the directory says.",
    fix: "Two users claim one subject: remove it from one of them at the identity provider, then resync both; or, if they are one person: rollcall user link <user> <directory user>.",
  },
  suspended: {
    step: "user_store",
    sentence: "An admin has suspended the user.",
    fix: "Lift it, if the reason is gone: rollcall user unsuspend <id>.",
  },
  denied: {
    step: "user_store",
    sentence: "The user is denied.",
    fix: "See which denials stand and who made them: rollcall user show <id>.",
  },
  revoked: {
    step: "revocation",
    sentence: "The subject is revoked.",
    fix: "Lift it, if the reason is gone: rollcall revoke lift.",
  },
  session_ended: {
    step: "revocation",
    sentence: "The identity provider has ended the token's session.",
    fix: "Have the user sign in again for a new token.",
  },
  issued_before_revocation: {
    step: "revocation",
    sentence: "The token was issued before the moment from which the subject's tokens count.",
    fix: "Have the user sign in again for a new token.",
  },
  gateway_behind: {
    step: "gateway",
    sentence: "A gateway has not come to what the feed says now.",
    fix: "See how far it is, and in its own log what keeps it from the feed: rollcall gateway list.",
  },
  gateway_stale: {
    step: "gateway",
    sentence: "What a gateway holds is too old to decide by, and it says so or is not heard.",
    fix: "See that the feed and the reconciler answer and that the gateway reaches the feed; restart the one that does not: rollcall gateway list, rollcall lag.",
  },
  gateway_cut_off: {
    step: "gateway",
    sentence: "The gateway had to ask Rollcall about the subject and got no answer.",
    fix: "See that the gateway reaches its `resolve.url` with a token that is alive, and that the feed answers there.",
  },
  gateway_cached: {
    step: "gateway",
    sentence: "The gateway refuses what Rollcall lets in, though it has come to what the feed says.",
    fix: "Look for a cache of decisions in the gateway or before it (`proxy_cache` on the auth request, a JWT or introspection cache) and empty it; nothing may remember a decision.",
  },
  nothing_refused: {
    step: "gateway",
    sentence: "No gateway told of a refusal in that time.",
    fix: "See that the gateways tell of them (`report: true` of their feed), and widen the time; what is older than seven days is forgotten.",
  },
  cause_gone: {
    step: "gateway",
    sentence: "What it was refused for then is over now.",
    fix: "Try again; if it is refused once more, paste the new line.",
  },
  provisioning_off: {
    step: "just_in_time",
    sentence: "No connection of the issuer makes users from tokens.",
    fix: "Nothing, if users come by provisioning alone; else: rollcall connection set <connection> --provision.",
  },
  claims_missing: {
    step: "just_in_time",
    sentence: "The token's subject is nobody yet, and the token lacks claims to make a user of it.",
    fix: "Have the issuer put the claims into the access token, or require fewer: rollcall connection set <connection> --require <attribute>.",
  },
  provisioning_failed: {
    step: "just_in_time",
    sentence: "The token's subject is nobody yet, and no user can be made of the token.",
    fix: "Remove the cause that the step just_in_time names; docs/just-in-time.md says who is never made.",
  },
} as const satisfies Record<string, Cause>;

export type ExplainCode = keyof typeof explainCauses;
