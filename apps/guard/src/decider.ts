import type { Allowed, Decision, GuardedUser, Refused, Subject } from "./decision.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import type { Resolution, Resolver } from "./resolver.ts";
import type { Verdict } from "./revocations.ts";
import type { GuardSettings } from "./settings.ts";
import type { TokenVerifier } from "./token-verifier.ts";

/** Whether a subject is known; undefined where that cannot be told. */
export type KnowsSubject = (subject: Subject, nowMs: number) => boolean | undefined;

export type DeciderParts = {
  readonly settings: Pick<GuardSettings, "stale" | "unknown">;
  readonly tokens: TokenVerifier;
  readonly judge: (subject: Subject, nowSec: number) => Verdict | undefined;
  readonly fresh: (nowMs: number) => boolean;
  /** Undefined where the set of known subjects is not followed. */
  readonly knows: KnowsSubject | undefined;
  readonly resolver: Resolver | undefined;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

/** Decides at once wherever it can. */
export type Decide = (token: string | undefined, route: string | undefined) => Decision | Promise<Decision>;

/** Something to wait for before there can be a decision: the issuer's keys, or Rollcall's answer. */
type Pause = { readonly wait: Promise<Resolution | void> };
type Question = {
  readonly token: string;
  readonly subject: Subject;
  readonly route: string | undefined;
  readonly nowMs: number;
  readonly answer: Resolution | undefined;
};

/**
 * Between the moment that a decision is about and the decision itself nothing else runs. Where something has
 * to be waited for, everything is judged again after it, as if the token had just come: it may have expired
 * meanwhile, its key may be gone, its bearer may be denied, the feed may have grown stale.
 */
export function createDecider(parts: DeciderParts): Decide {
  const { tokens, judge, fresh, now } = parts;
  const policy = createPolicy(parts);

  const consider = (
    token: string | undefined,
    route: string | undefined,
    answer: Resolution | undefined,
    mayLookUp: boolean,
  ): Decision | Pause => {
    const nowMs = now();
    const judgement = tokens.verify(token, nowMs, mayLookUp);
    if ("lookup" in judgement) return { wait: judgement.lookup };
    if ("reason" in judgement) return refuse(judgement.reason, judgement);
    const { subject } = judgement;
    // On every request, after whatever was remembered of the token.
    const verdict = judge(subject, nowMs / 1_000);
    if (verdict !== undefined) return refuse(verdict, subject);
    if (answer !== undefined && "reason" in answer) return refuseAs(answer, subject);
    // Nobody's token was verified but one that is there.
    const question = { token: token ?? "", subject, route, nowMs, answer };
    return fresh(nowMs) ? policy.whenFresh(question) : policy.whenStale(question);
  };

  const decideLater = async (token: string | undefined, route: string | undefined, first: Pause): Promise<Decision> => {
    let answer: Resolution | undefined;
    // Twice at the most: for keys, and with keys for an answer, after which there is nothing left to wait for.
    for (let step: Decision | Pause = first; ; step = consider(token, route, answer, false)) {
      if ("allow" in step) return step;
      answer = (await step.wait) ?? answer;
    }
  };

  return (token, route) => {
    const step = consider(token, route, undefined, true);
    return "allow" in step ? step : decideLater(token, route, step);
  };
}

/** What the gateway's owner chose, for a token that holds and that nothing revokes. */
function createPolicy({ settings, knows, resolver, onError }: DeciderParts) {
  const staleChoice = (route: string | undefined) => {
    try {
      return settings.stale(route);
    } catch (cause) {
      onError(new Error("the stale function threw; the request is refused", { cause }));
      return "deny";
    }
  };
  const ask = ({ token, subject, nowMs, answer }: Question, stale: boolean, known?: boolean): Decision | Pause => {
    if (resolver === undefined) return refuse("resolve_unavailable", subject);
    // While blind, an answer of before is no better than the feed of before.
    const resolution = answer ?? (stale ? undefined : resolver.recall(subject, nowMs));
    if (resolution === undefined) return { wait: resolver.ask(subject, token) };
    return "user" in resolution ? allow(subject, stale, known, resolution.user) : refuseAs(resolution, subject);
  };
  const whenStale = (question: Question): Decision | Pause => {
    const { subject, route } = question;
    const choice = staleChoice(route);
    if (choice === "allow") return allow(subject, true);
    // A service account is nobody that Rollcall could be asked about.
    return choice === "resolve" && subject.service !== true ? ask(question, true) : refuse("feed_stale", subject);
  };
  const whenFresh = (question: Question): Decision | Pause => {
    const { subject, nowMs } = question;
    if (subject.service === true) return allow(subject, false);
    const known = knows?.(subject, nowMs);
    if (known === true || settings.unknown === "allow") return allow(subject, false, known);
    if (settings.unknown === "resolve") return ask(question, false, known);
    return known === false ? refuse("subject_unknown", subject) : whenStale(question);
  };
  return { whenFresh, whenStale };
}

type Writable<T> = { -readonly [name in keyof T]: T[name] };

function allow(subject: Subject, stale: boolean, known?: boolean, user?: GuardedUser): Allowed {
  const { iss, sub, tenant, service } = subject;
  const allowed: Writable<Allowed> = { allow: true, reason: "ok", iss, sub, stale };
  if (tenant !== undefined) allowed.tenant = tenant;
  if (service !== undefined) allowed.service = service;
  if (known !== undefined) allowed.known = known;
  if (user !== undefined) allowed.user = user;
  return allowed;
}

function refuseAs({ reason, claims }: Extract<Resolution, { readonly reason: string }>, subject: Subject): Refused {
  return claims === undefined ? refuse(reason, subject) : { ...refuse(reason, subject), claims };
}

type Bearer = { readonly iss?: string; readonly sub?: string; readonly tenant?: string };

function refuse(reason: RefusalReason, { iss, sub, tenant }: Bearer): Refused {
  const refused: Writable<Refused> = { allow: false, reason, status: refusalReasons[reason].status };
  if (iss !== undefined) refused.iss = iss;
  if (sub !== undefined) refused.sub = sub;
  if (tenant !== undefined) refused.tenant = tenant;
  return refused;
}
