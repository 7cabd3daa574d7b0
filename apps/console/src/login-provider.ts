import type { AdminRole } from "@rollcall/core/domain";
import { DirectoryError } from "@rollcall/core/domain";
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  AuthorizationResponseError,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  fetchUserInfo,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from "openid-client";
import { LoginRefused } from "./login-refused.ts";

/** Where people log in, and what their claim makes of them. */
export type LoginSettings = {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly roles: LoginRoles;
};

/** A claim, and what each of its values gives: the house, or roles in tenants by their slugs. */
export type LoginRoles = {
  readonly claim: string;
  readonly scope: string;
  readonly values: Readonly<Record<string, "house" | Readonly<Record<string, AdminRole>>>>;
};

/** What a login must bring back, and nobody else may know. */
export type LoginChecks = { readonly state: string; readonly nonce: string; readonly verifier: string };

export type LoggedIn = {
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly operator: boolean;
  /** By the tenant's slug; the strongest where several values name it. */
  readonly roles: Readonly<Record<string, AdminRole>>;
};

export type LoginProvider = {
  /** What a button may call it. */
  readonly name: string;
  begin(): Promise<{ readonly url: URL; readonly checks: LoginChecks }>;
  /** Throws `login_failed` for whatever is not the provider's answer to exactly this login. */
  finish(query: string, checks: LoginChecks): Promise<LoggedIn>;
};

const timeoutSec = 10;
const askProvider = "begin it again, and if it stays so, ask whoever runs the identity provider";
const askUs = "begin it again, and if it stays so, give whoever runs Rollcall the id of the request";
const rank: readonly AdminRole[] = ["viewer", "operator", "admin"];

/**
 * Logs people in by OpenID Connect Core 1.0 §3.1 with PKCE (RFC 7636, S256), against any provider.
 * The provider's document is asked for at the first login, and again after a failure.
 */
export function createLoginProvider(settings: LoginSettings, redirectUri: string): LoginProvider {
  const { issuer, roles } = settings;
  let known: Promise<Configuration> | undefined;
  const configuration = (): Promise<Configuration> => {
    known ??= discover(settings).catch((error: unknown) => {
      known = undefined;
      const happened = "the identity provider for logins does not answer";
      throw new LoginRefused("unavailable", happened, "try again in a moment", { cause: error });
    });
    return known;
  };
  return {
    name: new URL(issuer).host,
    begin: async () => {
      const found = await configuration();
      const checks = { state: randomState(), nonce: randomNonce(), verifier: randomPKCECodeVerifier() };
      const url = buildAuthorizationUrl(found, {
        redirect_uri: redirectUri,
        scope: roles.scope,
        state: checks.state,
        nonce: checks.nonce,
        code_challenge: await calculatePKCECodeChallenge(checks.verifier),
        code_challenge_method: "S256",
      });
      return { url, checks };
    },
    finish: async (query, { state, nonce, verifier }) => {
      const found = await configuration();
      try {
        // Of the address only the query is the browser's: the rest is where we said that we are.
        const tokens = await authorizationCodeGrant(found, new URL(`${redirectUri}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims();
        if (claims === undefined) throw new Error("no ID token");
        const told = Object.hasOwn(claims, roles.claim) ? claims : await more(found, tokens.access_token, claims);
        return loggedIn(settings, claims.sub, told);
      } catch (error) {
        if (error instanceof DirectoryError) throw error;
        throw refusalOf(error);
      }
    },
  };
}

/** What the provider or the browser sent is repeated to nobody. */
function refusalOf(cause: unknown): LoginRefused {
  // It said so under the state of this very login (RFC 6749 §4.1.2.1). All else may be anybody's word, or an outage.
  return cause instanceof AuthorizationResponseError
    ? new LoginRefused("login_failed", "the identity provider did not let you through", askProvider, { cause })
    : new LoginRefused("login_failed", "the login could not be verified with the identity provider", askUs, { cause });
}

async function discover({ issuer, clientId, clientSecret }: LoginSettings): Promise<Configuration> {
  const url = new URL(issuer);
  // Only to this machine itself, to try it: elsewhere what is sent in clear can be read by anybody between.
  const isLocal = url.protocol === "http:" && /^(?:localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname);
  return discovery(url, clientId, clientSecret, undefined, {
    timeout: timeoutSec,
    ...(isLocal ? { execute: [allowInsecureRequests] } : {}),
  });
}

/** Many providers tell groups only where they are asked for them (OpenID Connect Core 1.0 §5.3). */
async function more(
  found: Configuration,
  accessToken: string,
  claims: { readonly sub: string },
): Promise<Readonly<Record<string, unknown>>> {
  if (found.serverMetadata().userinfo_endpoint === undefined) return { ...claims };
  return { ...claims, ...(await fetchUserInfo(found, accessToken, claims.sub)) };
}

function loggedIn(
  { issuer, roles }: LoginSettings,
  subject: string,
  claims: Readonly<Record<string, unknown>>,
): LoggedIn {
  const said: unknown = Object.hasOwn(claims, roles.claim) ? claims[roles.claim] : [];
  const values = (Array.isArray(said) ? said : [said]).filter((value) => typeof value === "string");
  const given = values.flatMap((value) => {
    const gift = Object.hasOwn(roles.values, value) ? roles.values[value] : undefined;
    return gift === undefined ? [] : [gift];
  });
  const operator = given.includes("house");
  const held: Record<string, AdminRole> = {};
  for (const gift of given)
    if (gift !== "house")
      for (const [tenant, role] of Object.entries(gift)) held[tenant] = stronger(held[tenant], role);
  const name = [claims["name"], claims["preferred_username"], claims["email"]].find(isName) ?? subject;
  return { issuer, subject, name: name.slice(0, 200), operator, roles: operator ? {} : held };
}

function stronger(one: AdminRole | undefined, other: AdminRole): AdminRole {
  return one !== undefined && rank.indexOf(one) >= rank.indexOf(other) ? one : other;
}

function isName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.isWellFormed() && !/\p{Cc}/u.test(value);
}
