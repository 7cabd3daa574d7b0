import { judgeClaims, judgeTime, type NamedIssuer } from "./claims.ts";
import type { Subject } from "./decision.ts";
import { foldCase } from "./fold-case.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import { readTemplate, tenantOfIssuer } from "./issuer-template.ts";
import type { KeySource } from "./key-source.ts";
import type { RefusalReason } from "./reasons.ts";
import { createTokenMemory, type Rememberable } from "./token-memory.ts";
import { createTokenReader, tokenLengthMax } from "./token-reader.ts";

export type TokenIssuer = { readonly settings: IssuerSettings; readonly keys: KeySource };
export type TokenJudgement =
  | { readonly subject: Subject }
  | { readonly reason: RefusalReason; readonly iss?: string; readonly sub?: string }
  /** The issuer's keys are being fetched, and the token's may be among them: to be asked again after that. */
  | { readonly lookup: Promise<void> };

export type TokenVerifier = {
  /** Judges a token at a moment, at once. Unless `mayWait`, by the keys that are held. */
  readonly verify: (token: string | undefined, nowMs: number, mayWait: boolean) => TokenJudgement;
  /** The longest life of a verified token, in seconds: what the feed's compaction must not undercut. */
  readonly lifetimeSecMax: () => number | undefined;
  readonly counts: () => { readonly remembered: number; readonly recalled: number; readonly verified: number };
  /** A subject of an issuer, as the feed compares it. */
  readonly subKeyOf: (iss: string, sub: string) => string;
};

type Remembered = Rememberable & {
  readonly subject: Subject;
  readonly issuer: TokenIssuer;
  readonly keysVersion: number;
};
type Found = NamedIssuer & { readonly issuer: TokenIssuer };

const rememberedLengthMax = 8 * 1024;
/** 68 years, as long as a feed can note: no longer life says more, and an infinite one could not be told in JSON. */
const lifetimeSecLongest = 2_147_483_647;

/**
 * Verifies tokens and remembers those that held, until they expire or their issuer's keys change.
 * Revocation is no part of it: that is judged afresh after every verification, remembered or not.
 */
export function createTokenVerifier(issuers: readonly TokenIssuer[], rememberTokens: number): TokenVerifier {
  const issuerOf = createIssuerFinder(issuers);
  const reader = createTokenReader();
  const memory = createTokenMemory<Remembered>(rememberTokens);
  const counts = { recalled: 0, verified: 0 };
  let lifetimeSecMax: number | undefined;

  const recall = (token: string, nowMs: number): TokenJudgement | undefined => {
    const remembered = memory.recall(token);
    if (remembered === undefined) return undefined;
    const { subject, issuer, keysVersion } = remembered;
    const reason = judgeTime(subject, issuer.settings.toleranceSec, nowMs / 1_000);
    if (reason === undefined && keysVersion === issuer.keys.version(nowMs)) {
      counts.recalled += 1;
      return remembered;
    }
    memory.forget(token);
    return reason === undefined ? undefined : { reason, iss: subject.iss, sub: subject.sub };
  };

  const remember = (subject: Subject, issuer: TokenIssuer, nowMs: number): void => {
    lifetimeSecMax = Math.max(lifetimeSecMax ?? 0, subject.exp - (subject.iat ?? nowMs / 1_000));
    const token = reader.keep();
    const keysVersion = issuer.keys.version(nowMs);
    if (keysVersion === undefined || token.length > rememberedLengthMax) return;
    memory.remember({ token, hash: 0, used: false, subject, issuer, keysVersion });
  };

  const verifyAfresh = (token: string, nowMs: number, mayWait: boolean): TokenJudgement => {
    const opened = reader.read(token);
    if (opened === undefined) return { reason: "token_malformed" };
    const { header, claims } = opened;
    const found = issuerOf(claims["iss"]);
    if (found === undefined) return { reason: "issuer_unknown" };
    const { issuer } = found;
    if (!issuer.settings.algorithms.includes(header.alg)) return { reason: "algorithm_not_allowed" };
    const keys = issuer.keys.find(header, nowMs, mayWait);
    if (typeof keys === "string") return { reason: keys };
    if ("then" in keys) return { lookup: keys };
    if (!keys.some((key) => key.verifies(opened.signed, opened.signature))) return { reason: "signature_invalid" };
    counts.verified += 1;

    const judgement = judgeClaims(header.type, claims, found, nowMs / 1_000);
    if ("subject" in judgement) remember(judgement.subject, issuer, nowMs);
    else if (typeof claims["sub"] === "string") return { ...judgement, iss: found.iss, sub: claims["sub"] };
    else return { ...judgement, iss: found.iss };
    return judgement;
  };

  return {
    verify: (token, nowMs, mayWait) => {
      if (token === undefined || token === "") return { reason: "token_missing" };
      if (typeof token !== "string" || token.length > tokenLengthMax) return { reason: "token_malformed" };
      return recall(token, nowMs) ?? verifyAfresh(token, nowMs, mayWait);
    },
    lifetimeSecMax: () =>
      lifetimeSecMax === undefined ? undefined : Math.min(Math.ceil(lifetimeSecMax), lifetimeSecLongest),
    counts: () => ({ remembered: memory.size(), ...counts }),
    subKeyOf: (iss, sub) => (issuerOf(iss)?.settings.subjectCompare === "casefold" ? foldCase(sub) : sub),
  };
}

/** By the exact `iss` where one is configured, else by the first template that it is an issuer of. */
function createIssuerFinder(issuers: readonly TokenIssuer[]): (iss: unknown) => Found | undefined {
  const exact = new Map<string, Found>();
  const templates: { readonly issuer: TokenIssuer; readonly tenantOf: (iss: string) => string | undefined }[] = [];
  for (const issuer of issuers) {
    const { settings } = issuer;
    if (readTemplate(settings.issuer) !== undefined)
      templates.push({ issuer, tenantOf: tenantOfIssuer(settings.issuer) });
    else exact.set(settings.issuer, { issuer, settings, iss: settings.issuer, tenantInIssuer: undefined });
  }
  return (iss) => {
    if (typeof iss !== "string") return undefined;
    const found = exact.get(iss);
    if (found !== undefined) return found;
    for (const { issuer, tenantOf } of templates) {
      const tenantInIssuer = tenantOf(iss);
      if (tenantInIssuer !== undefined) return { issuer, settings: issuer.settings, iss, tenantInIssuer };
    }
    return undefined;
  };
}
