import { generateKeyPair } from "jose";
import type { Guard } from "../guard.ts";
import type { GuardOptions, IssuerOptions } from "../options.ts";
import type { RefusalReason } from "../reasons.ts";
import { until } from "./clock.ts";
import { createScene, type Scene } from "./scene.ts";

export type RefusalCase = {
  readonly issuer?: (scene: Scene) => Partial<IssuerOptions>;
  readonly options?: (scene: Scene) => Partial<GuardOptions>;
  readonly before?: (scene: Scene) => void | Promise<void>;
  readonly token?: (scene: Scene) => Promise<string> | string | undefined;
};

const resolving = ({ feed }: Scene): Partial<GuardOptions> => ({
  unknown: "resolve",
  resolve: { url: feed.resolveUrl, token: feed.token },
});

/** How each reason comes about; a new reason without a row is a type error. */
export const refusalCases = {
  token_missing: { token: () => undefined },
  token_malformed: { token: () => "nonsense" },
  issuer_unknown: { token: ({ issuer }) => issuer.mint({ iss: "https://stranger.example" }) },
  algorithm_not_allowed: { issuer: () => ({ algorithms: ["RS256"] }) },
  key_unknown: { token: ({ issuer }) => issuer.mint({}, { header: { kid: "unheard-of" } }) },
  keys_unavailable: {
    issuer: ({ issuer }) => ({ jwks: undefined, jwksUrl: `${issuer.origin}/jwks` }),
    before: ({ issuer }) => void (issuer.answers.status = 500),
  },
  signature_invalid: {
    token: async ({ issuer }) => issuer.mint({}, { key: (await generateKeyPair("ES256")).privateKey }),
  },
  type_not_allowed: { issuer: () => ({ types: ["at+jwt"] }) },
  audience_wrong: { issuer: () => ({ audience: "other" }) },
  token_expired: { token: ({ issuer }) => issuer.mint({ exp: 1 }) },
  token_not_yet_valid: { token: ({ issuer, clock }) => issuer.mint({ nbf: clock.sec() + 60 }) },
  tenant_wrong: { issuer: () => ({ tenantClaim: "tid" }) },
  subject_missing: { issuer: () => ({ subjectClaim: "oid" }) },
  subject_malformed: { issuer: () => ({ subjectFormat: /^\d+$/ }) },
  revoked: { before: ({ feed, issuer }) => feed.publish({ iss: issuer.origin, sub: "ada" }) },
  issued_before_revocation: {
    before: ({ feed, issuer, clock }) =>
      feed.publish({ iss: issuer.origin, sub: "ada", op: "nbf", nbf: clock.sec() + 1 }),
  },
  subject_unknown: { options: resolving },
  claims_missing: {
    options: resolving,
    before: ({ feed }) =>
      void (feed.told.resolve = () => ({ status: "unknown", reason: "claims_missing", claims: ["email"] })),
  },
  subject_denied: {
    options: resolving,
    before: ({ feed }) => void (feed.told.resolve = () => ({ status: "denied", reason: "admin_suspended" })),
  },
  feed_stale: { before: ({ feed }) => void (feed.told.tamper = () => ({ status: 500 })) },
  resolve_unavailable: {
    options: resolving,
    before: ({ feed }) => void (feed.told.resolve = () => Promise.resolve(undefined)),
  },
} satisfies Record<RefusalReason, RefusalCase>;

/** A guard that has a reason to refuse, and the token that it refuses for it; without one where there is none. */
export async function openRefusal(
  { issuer, options, before, token }: RefusalCase,
  changes: Partial<GuardOptions> = {},
): Promise<{ readonly guard: Guard; readonly token: string | undefined }> {
  const scene = await createScene();
  await before?.(scene);
  const issuers = [{ ...scene.options().issuers[0]!, ...issuer?.(scene) }];
  const guard = await scene.guard({ issuers, ...options?.(scene), ...changes });
  if (scene.feed.told.tamper === undefined) await until("the guard is fresh", () => guard.status().fresh);
  return { guard, token: token === undefined ? await scene.issuer.mint() : await token(scene) };
}
