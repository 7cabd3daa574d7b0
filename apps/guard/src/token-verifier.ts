import {
  compactVerify,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type ProtectedHeaderParameters,
} from "jose";
import { createBoundedMemory } from "./bounded-memory.ts";
import { judgeClaims, judgeTime } from "./claims.ts";
import type { Subject } from "./decision.ts";
import type { KeySource } from "./key-source.ts";
import type { RefusalReason } from "./reasons.ts";
import type { IssuerSettings } from "./settings.ts";

export type TokenIssuer = { readonly settings: IssuerSettings; readonly keys: KeySource };
export type TokenJudgement =
  | { readonly subject: Subject }
  | { readonly reason: RefusalReason; readonly iss?: string; readonly sub?: string };

type Remembered = { readonly subject: Subject; readonly issuer: TokenIssuer; readonly keysVersion: number };
type Opened = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload };

const tokenBytesMax = 16 * 1024;
const rememberedMax = 5_000;
const rememberedBytesMax = 8 * 1024;
/** A signature may be empty, so that `alg: none` is refused by its name. */
const compactShape = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/**
 * Verifies tokens and remembers those that held, until they expire or their issuer's keys change.
 * Revocation is no part of it: that is judged afresh after every verification, remembered or not.
 */
export function createTokenVerifier(issuers: readonly TokenIssuer[], now: () => number) {
  const byIssuer = new Map(issuers.map((issuer) => [issuer.settings.issuer, issuer]));
  const verified = createBoundedMemory<string, Remembered>(rememberedMax);
  let lifetimeSecMax: number | undefined;

  const recall = (token: string): TokenJudgement | undefined => {
    const remembered = verified.recall(token);
    if (remembered === undefined) return undefined;
    const { subject, issuer, keysVersion } = remembered;
    const reason = judgeTime(subject, issuer.settings.toleranceSec, now() / 1_000);
    if (reason === undefined && keysVersion === issuer.keys.version()) return { subject };
    verified.forget(token);
    return reason === undefined ? undefined : { reason, iss: subject.iss, sub: subject.sub };
  };

  const verify = async (token: string | undefined): Promise<TokenJudgement> => {
    if (token === undefined || token === "") return { reason: "token_missing" };
    if (typeof token !== "string" || token.length > tokenBytesMax) return { reason: "token_malformed" };
    const remembered = recall(token);
    if (remembered !== undefined) return remembered;

    const opened = open(token);
    if (opened === undefined) return { reason: "token_malformed" };
    const issuer = typeof opened.claims.iss === "string" ? byIssuer.get(opened.claims.iss) : undefined;
    if (issuer === undefined) return { reason: "issuer_unknown" };
    const keysVersion = issuer.keys.version();
    const fault = await verifySignature(token, opened.header, issuer);
    if (fault !== undefined) return { reason: fault };

    const { claims } = opened;
    const judgement = judgeClaims(opened.header.typ, claims, issuer.settings, now() / 1_000);
    if ("reason" in judgement)
      return {
        ...judgement,
        iss: issuer.settings.issuer,
        ...(typeof claims.sub === "string" ? { sub: claims.sub } : {}),
      };
    const { subject } = judgement;
    lifetimeSecMax = Math.max(lifetimeSecMax ?? 0, subject.exp - (subject.iat ?? now() / 1_000));
    if (keysVersion !== undefined && token.length <= rememberedBytesMax)
      verified.remember(token, { subject, issuer, keysVersion });
    return { subject };
  };

  return {
    verify,
    /** The longest life of a verified token, in seconds: what the feed's compaction must not undercut. */
    lifetimeSecMax: () => (lifetimeSecMax === undefined ? undefined : Math.ceil(lifetimeSecMax)),
  };
}

function open(token: string): Opened | undefined {
  if (!compactShape.test(token)) return undefined;
  try {
    const header = decodeProtectedHeader(token);
    // RFC 7515 §4.1.11: an extension that is not understood makes the token invalid, and none is understood here.
    return header.crit === undefined ? { header, claims: decodeJwt(token) } : undefined;
  } catch {
    return undefined;
  }
}

/** The keys come from the issuer's configuration alone: `jku`, `x5u` and `jwk` in the header are not read (RFC 8725 §3.10). */
async function verifySignature(
  token: string,
  header: ProtectedHeaderParameters,
  { settings, keys }: TokenIssuer,
): Promise<RefusalReason | undefined> {
  const { alg, kid } = header;
  if (alg === undefined || !settings.algorithms.includes(alg)) return "algorithm_not_allowed";
  const candidates = await keys.find({ alg, ...(kid === undefined ? {} : { kid }) });
  if (typeof candidates === "string") return candidates;
  for (const key of candidates) {
    try {
      await compactVerify(token, key, { algorithms: [...settings.algorithms] });
      return undefined;
    } catch (error) {
      // A key too weak for its algorithm (RFC 7518 §3.3) is a TypeError; it proves nothing, so the token is refused too.
      if (!(error instanceof errors.JOSEError || error instanceof TypeError)) throw error;
    }
  }
  return "signature_invalid";
}
