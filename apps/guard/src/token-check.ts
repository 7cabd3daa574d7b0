import type { Claims } from "./claims.ts";
import type { Subject } from "./decision.ts";
import { issuerKeys } from "./issuer-keys.ts";
import { settleIssuers } from "./issuer-settings.ts";
import type { KeySource } from "./key-source.ts";
import type { IssuerOptions } from "./options.ts";
import type { RefusalReason } from "./reasons.ts";
import { createTokenReader } from "./token-reader.ts";
import { createTokenVerifier, type TokenVerifier } from "./token-verifier.ts";

/** What a token says whose signature and claims hold. */
export type HeldToken = { readonly subject: Subject; readonly claims: Claims };

export type TokenCheck = {
  /** The issuer that a token names; nothing of it is verified. Undefined for what is no token. */
  readonly issuerOf: (token: string) => string | undefined;
  /** Judges a token by one issuer's rules, without any revocation. Waits for the issuer's keys where they are not held. */
  readonly check: (token: string, issuer: IssuerOptions) => Promise<HeldToken | { readonly reason: RefusalReason }>;
  /** Ends the refreshing of keys. */
  readonly close: () => void;
};

/** The ids of keys that verify no token, by issuer. */
export type RefusedKeys = Readonly<Record<string, readonly string[]>>;

export type TokenCheckOptions = {
  readonly refusedKeys: RefusedKeys;
  readonly now: () => number;
  readonly onError: (error: Error) => void;
};

type Known = {
  readonly keys: KeySource;
  readonly stop: AbortController;
  /** By the rules that differ between those who share the issuer. */
  readonly verifiers: Map<string, TokenVerifier>;
};

const issuersMax = 1_000;
const verifiersMax = 100;

/**
 * Verifies tokens exactly as a guard does, for whoever decides about them by other means than the feed.
 * Issuers become known as they are asked about; only name issuers that an admin has configured.
 */
export function createTokenCheck({ refusedKeys, now, onError }: TokenCheckOptions): TokenCheck {
  const issuers = new Map<string, Known>();
  const reader = createTokenReader();

  const forgetOldest = (): void => {
    const [oldest] = issuers.keys();
    if (oldest === undefined) return;
    issuers.get(oldest)?.stop.abort();
    issuers.delete(oldest);
  };
  const verifierOf = (options: IssuerOptions): TokenVerifier | undefined => {
    const problems: string[] = [];
    const refused = Object.hasOwn(refusedKeys, options.issuer) ? refusedKeys[options.issuer] : undefined;
    const [settings] = settleIssuers([{ ...options, refusedKeys: refused }], (problem) => problems.push(problem));
    if (settings === undefined || problems.length > 0) return undefined;
    const known = issuers.get(options.issuer) ?? open();
    const rules = JSON.stringify(options);
    const verifier = known.verifiers.get(rules) ?? createTokenVerifier([{ settings, keys: known.keys }], 0);
    if (known.verifiers.size >= verifiersMax) known.verifiers.clear();
    known.verifiers.set(rules, verifier);
    return verifier;

    function open(): Known {
      if (issuers.size >= issuersMax) forgetOldest();
      const stop = new AbortController();
      const keys = issuerKeys(settings as NonNullable<typeof settings>, { now, signal: stop.signal, onError });
      void keys.start();
      const opened = { keys, stop, verifiers: new Map<string, TokenVerifier>() };
      issuers.set(options.issuer, opened);
      return opened;
    }
  };

  return {
    issuerOf: (token) => {
      const iss = reader.read(token)?.claims["iss"];
      return typeof iss === "string" ? iss : undefined;
    },
    check: async (token, options) => {
      const verifier = verifierOf(options);
      if (verifier === undefined) return { reason: "issuer_unknown" };
      let judgement = verifier.verify(token, now(), true);
      if ("lookup" in judgement) {
        await judgement.lookup;
        judgement = verifier.verify(token, now(), false);
      }
      if ("lookup" in judgement) return { reason: "keys_unavailable" };
      if ("reason" in judgement) return { reason: judgement.reason };
      return { subject: judgement.subject, claims: reader.read(token)?.claims ?? {} };
    },
    close: () => {
      for (const { stop } of issuers.values()) stop.abort();
      issuers.clear();
    },
  };
}
