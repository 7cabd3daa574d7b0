import { isObject, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";

/**
 * What an event type does here: an event of a source, several, or why none. A `changed` without
 * attributes is a ping: the provider is asked what is so now.
 */
export type Meaning = readonly SourceEventKind[] | { readonly ignored: string };
type Judgement = Meaning | ((content: JsonObject) => Meaning);

const caep = "https://schemas.openid.net/secevent/caep/event-type/";
const ssf = "https://schemas.openid.net/secevent/ssf/event-type/";
const risc = "https://schemas.openid.net/secevent/risc/event-type/";

const ping: Meaning = ["changed"];
const endsSessions: Meaning = ["sessions_ended"];
const noLogin: Meaning = { ignored: "somebody logged in, which takes nothing from anybody" };
const ofStream: Meaning = { ignored: "it is about the stream, and was understood" };
const noConsent: Meaning = { ignored: "it is about what the provider tells, and not about who may enter" };

/**
 * CAEP 1.0 §3 and RISC 1.0 §2, and what each comes to. Nothing but a disabled or purged account denies
 * anybody: what is said of sessions, credentials, devices and claims makes the tokens of until then void,
 * and whoever logs in again is let in.
 */
const judgements: ReadonlyMap<string, Judgement> = new Map<string, Judgement>([
  [`${caep}session-revoked`, endsSessions],
  // A token goes on saying what is no longer so.
  [`${caep}token-claims-change`, endsSessions],
  [`${caep}assurance-level-change`, assuranceChange],
  [`${caep}credential-change`, credentialChange],
  [`${caep}device-compliance-change`, complianceChange],
  [`${caep}session-established`, noLogin],
  [`${caep}session-presented`, noLogin],
  [`${caep}risk-level-change`, { ignored: "a risk is a guess: a provider that acts on it says so" }],
  [`${risc}account-disabled`, ["disabled"]],
  [`${risc}account-enabled`, ["enabled"]],
  [`${risc}account-purged`, ["deleted"]],
  [`${risc}sessions-revoked`, endsSessions],
  [`${risc}credential-compromise`, endsSessions],
  [`${risc}identifier-changed`, ping],
  // Whoever had the identifier until now must not go on under the name of whoever has it from now on.
  [`${risc}identifier-recycled`, ["sessions_ended", "changed"]],
  [`${risc}account-credential-change-required`, ping],
  [`${ssf}verification`, ofStream],
  [`${ssf}stream-updated`, ofStream],
  ...["opt-in", "opt-out-initiated", "opt-out-cancelled", "opt-out-effective"].map(
    (name) => [`${risc}${name}`, noConsent] as const,
  ),
  ...["recovery-activated", "recovery-information-changed"].map(
    (name) => [`${risc}${name}`, { ignored: "a way of recovery says nothing of who may enter" }] as const,
  ),
]);

/** What an event of this type means; a type that nobody here knows means nothing. */
export function meaningOf(type: string, content: Json): Meaning {
  const judgement = judgements.get(type) ?? { ignored: "an event of this type says nothing here" };
  return typeof judgement === "function" ? judgement(isObject(content) ? content : {}) : judgement;
}

/** CAEP 1.0 §3.4: tokens that promise more than the login was worth are void; what is not said is taken as less. */
function assuranceChange({ change_direction: direction }: JsonObject): Meaning {
  return direction === "increase" ? { ignored: "the login is worth more than its tokens say" } : endsSessions;
}

/** CAEP 1.0 §3.3. */
function credentialChange({ change_type: type }: JsonObject): Meaning {
  if (type === "create") return { ignored: "one more credential takes nothing from anybody" };
  // One that was changed or given up may be its owner's own doing; one that was revoked was in wrong hands.
  return type === "revoke" ? endsSessions : ping;
}

/** CAEP 1.0 §3.5. Tokens do not say on which device they are. */
function complianceChange({ current_status: status }: JsonObject): Meaning {
  return status === "compliant" ? { ignored: "the device is as it should be" } : endsSessions;
}
