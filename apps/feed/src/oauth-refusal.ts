import type { ClientCredentials } from "./client-credentials.ts";

export type OAuthErrorCode = "invalid_client" | "invalid_request" | "slow_down" | "temporarily_unavailable";

/** What an endpoint of OAuth 2.0 refuses (RFC 6749 §5.2, RFC 7662 §2.3). */
export const oauthErrors = {
  invalid_client: { status: 401, detail: "a live feed token is needed, as Bearer, or as the secret of its id" },
  invalid_request: { status: 400, detail: "the form must have one token, and each parameter once" },
  slow_down: { status: 429, detail: "this client asks too often: wait as long as Retry-After says" },
  temporarily_unavailable: { status: 503, detail: "whether the token is active cannot be told now" },
} satisfies Record<OAuthErrorCode, { status: number; detail: string }>;

type Circumstances = {
  readonly method?: ClientCredentials["method"];
  readonly detail?: string;
  readonly retryAfterSec?: number;
};

export class OAuthRefusal extends Error {
  readonly code: OAuthErrorCode;
  readonly circumstances: Circumstances;

  constructor(code: OAuthErrorCode, circumstances: Circumstances = {}) {
    super(circumstances.detail ?? oauthErrors[code].detail);
    this.name = "OAuthRefusal";
    this.code = code;
    this.circumstances = circumstances;
  }
}
