import { type ApplicationEventKind, applicationEventKinds } from "@rollcall/core/domain";

/** The event types of RISC 1.0 and CAEP 1.0 that say what happened. */
const uris: Readonly<Record<ApplicationEventKind, string>> = {
  "user.denied": "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
  "user.allowed": "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
  "user.deleted": "https://schemas.openid.net/secevent/risc/event-type/account-purged",
  "session.revoked": "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
  "user.identifier_changed": "https://schemas.openid.net/secevent/risc/event-type/identifier-changed",
};

/** SSF 1.0 §8.1.4.1. */
export const verificationUri = "https://schemas.openid.net/secevent/ssf/event-type/verification";

export const supportedUris: readonly string[] = applicationEventKinds.map((kind) => uris[kind]);

export function uriOf(kind: ApplicationEventKind): string {
  return uris[kind];
}

/** The kinds that a receiver asked for; a type that is not ours is passed over (SSF 1.0 §8.1.1). */
export function kindsOf(requested: readonly string[]): readonly ApplicationEventKind[] {
  return applicationEventKinds.filter((kind) => requested.includes(uris[kind]));
}

const reasons: Readonly<Record<string, string>> = {
  idp_inactive: "The identity provider deactivated the account.",
  idp_deleted: "The identity provider deleted the account.",
  admin_suspended: "An administrator suspended the account.",
  admin_revoked: "An administrator revoked access.",
  session_ended: "The identity provider ended the session.",
  poison: "A change that may take access away could not be applied.",
  lifted: "Nothing stands against the account any more.",
  ended: "The administrator's denial has ended.",
  subject_recycled: "The subject now belongs to another account.",
  renamed: "The identity provider changed the identifier.",
};

/** Why it happened, in words for an administrator. */
export function reasonText(reason: string): string {
  return reasons[reason] ?? `Rollcall says: ${reason}.`;
}
