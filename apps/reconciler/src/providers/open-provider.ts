import type { Outward } from "@rollcall/core/runtime";
import { type AccessToken, createAccessToken } from "./access-token.ts";
import { auth0Provider } from "./auth0-provider.ts";
import { createExchange, type Exchange, type ExchangeOptions, postForm } from "./exchange.ts";
import { googleProvider, isGoogleThrottle } from "./google-provider.ts";
import { graphProvider } from "./graph-provider.ts";
import { keycloakProvider } from "./keycloak-provider.ts";
import { ldapProvider } from "./ldap-provider.ts";
import { oktaProvider } from "./okta-provider.ts";
import { createPace, type Pace } from "./pace.ts";
import { type PaceOptions, usualPace } from "./pace-options.ts";
import { type Provider, ProviderFailure } from "./provider.ts";
import type { ProviderSettings, SettingsOf } from "./provider-settings.ts";
import { scimProvider } from "./scim-provider.ts";
import { googleAssertion, oktaAssertion } from "./signed-assertion.ts";

export type ProviderParts = {
  /** With the networks of PROVIDER_NETWORKS. */
  readonly outward: Outward;
  /** The time of day, by which tokens die. */
  readonly now?: () => number;
  readonly newId: () => string;
};

/** What each kind bears by its own documentation, where its settings say nothing. */
const paces = {
  scim: { perSec: 10 },
  okta: { perSec: 5 },
  "microsoft-graph": { perSec: 50 },
  "google-directory": { perSec: 20 },
  keycloak: { perSec: 50 },
  auth0: { perSec: 2, burst: 2 },
  ldap: { perSec: 50 },
} as const satisfies Readonly<Record<ProviderSettings["kind"], Partial<PaceOptions>>>;

/** Opens the client of a provider. Asks nothing yet: what is wrong with the settings shows with the first question. */
export function openProvider(settings: ProviderSettings, secret: string, parts: ProviderParts): Provider {
  if (secret === "") throw new ProviderFailure("unauthenticated", "there is no secret for it");
  const pace = createPace(paceOf(settings));
  switch (settings.kind) {
    case "scim": {
      const headers = { accept: "application/scim+json, application/json" };
      return scimProvider(
        createExchange({ ...exchangeOf(settings, pace, parts), ...bearer(`Bearer ${secret}`), headers }),
        new URL(settings.url),
        settings.pageSize,
      );
    }
    case "okta":
      return openOkta(settings, secret, pace, parts);
    case "microsoft-graph":
      return openGraph(settings, secret, pace, parts);
    case "google-directory":
      return openGoogle(settings, secret, pace, parts);
    case "keycloak":
      return openKeycloak(settings, secret, pace, parts);
    case "auth0":
      return openAuth0(settings, secret, pace, parts);
    case "ldap":
      return openLdap(settings, secret, pace, parts);
  }
}

function openOkta(settings: SettingsOf<"okta">, secret: string, pace: Pace, parts: ProviderParts): Provider {
  const { url, authentication, pageSize, groups } = settings;
  const base = new URL(url);
  const authorized =
    authentication.kind === "ssws"
      ? bearer(`SSWS ${secret}`)
      : tokens(parts, new URL("/oauth2/v1/token", base), async (tokenUrl) => ({
          grant_type: "client_credentials",
          scope: groups ? "okta.users.read okta.groups.read" : "okta.users.read",
          client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
          client_assertion: await oktaAssertion(secret, authentication.clientId, tokenUrl, parts),
        }));
  return oktaProvider(createExchange({ ...exchangeOf(settings, pace, parts), ...authorized }), base, pageSize, groups);
}

function openGraph(
  settings: SettingsOf<"microsoft-graph">,
  secret: string,
  pace: Pace,
  parts: ProviderParts,
): Provider {
  const { url, pageSize, groups } = settings;
  return graphProvider(graphApi(settings, secret, pace, parts), new URL(url), pageSize, groups);
}

/** Opens the API of a provider that tells of changes, for the subscriptions by which it does. */
export function openApi(
  settings: SettingsOf<"microsoft-graph" | "google-directory">,
  secret: string,
  parts: ProviderParts,
): Exchange {
  const pace = createPace(paceOf(settings));
  return settings.kind === "microsoft-graph"
    ? graphApi(settings, secret, pace, parts)
    : googleApi(settings, secret, pace, parts);
}

function graphApi(settings: SettingsOf<"microsoft-graph">, secret: string, pace: Pace, parts: ProviderParts): Exchange {
  const { url, loginUrl, tenant, clientId } = settings;
  const base = new URL(url);
  const authorized = tokens(parts, new URL(`/${tenant}/oauth2/v2.0/token`, loginUrl), async () => ({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: secret,
    scope: `${base.origin}/.default`,
  }));
  return createExchange({ ...exchangeOf(settings, pace, parts), ...authorized });
}

function openGoogle(
  settings: SettingsOf<"google-directory">,
  secret: string,
  pace: Pace,
  parts: ProviderParts,
): Provider {
  const { url, customer, pageSize, groups } = settings;
  const options = { base: new URL(url), customer, pageSize, groups };
  return googleProvider(googleApi(settings, secret, pace, parts), options);
}

function googleApi(
  settings: SettingsOf<"google-directory">,
  secret: string,
  pace: Pace,
  parts: ProviderParts,
): Exchange {
  const { tokenUrl, administrator, groups } = settings;
  const authorized = tokens(parts, new URL(tokenUrl), async (audience) => ({
    grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer",
    assertion: await googleAssertion(secret, administrator, { audience, groups }, parts),
  }));
  return createExchange({ ...exchangeOf(settings, pace, parts), ...authorized, isThrottled: isGoogleThrottle });
}

function openKeycloak(settings: SettingsOf<"keycloak">, secret: string, pace: Pace, parts: ProviderParts): Provider {
  const { url, realm, clientRealm = realm, clientId, pageSize } = settings;
  const base = new URL(url);
  const tokenPath = `/realms/${encodeURIComponent(clientRealm)}/protocol/openid-connect/token`;
  const authorized = tokens(parts, new URL(`${base.href.replace(/\/+$/, "")}${tokenPath}`), async () => ({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: secret,
  }));
  const exchange = createExchange({ ...exchangeOf(settings, pace, parts), ...authorized });
  return keycloakProvider(exchange, base, realm, pageSize);
}

function openAuth0(settings: SettingsOf<"auth0">, secret: string, pace: Pace, parts: ProviderParts): Provider {
  const { url, clientId, audience, pageSize } = settings;
  const base = new URL(url);
  const authorized = tokens(parts, new URL("/oauth/token", base), async () => ({
    grant_type: "client_credentials",
    client_id: clientId,
    client_secret: secret,
    audience: audience ?? new URL("/api/v2/", base).href,
  }));
  return auth0Provider(createExchange({ ...exchangeOf(settings, pace, parts), ...authorized }), base, pageSize);
}

function openLdap(settings: SettingsOf<"ldap">, password: string, pace: Pace, { outward }: ProviderParts): Provider {
  const { url, startTls, authorities, bindName, base, groupBase = base, dialect, filter, pageSize } = settings;
  const timeoutMs = settings.pace.timeoutMs ?? usualPace.timeoutMs;
  const connection = { url: new URL(url), startTls, authorities, bindName, password, timeoutMs };
  return ldapProvider({ outward, pace, connection, base, groupBase, dialect, filter, pageSize });
}

type Authorized = Pick<ExchangeOptions, "authorize"> & { readonly renew?: AccessToken["renew"] };

function exchangeOf(
  { url }: { readonly url: string },
  pace: Pace,
  { outward, now }: ProviderParts,
): Pick<ExchangeOptions, "outward" | "pace" | "base" | "now"> {
  return { outward, pace, base: new URL(url), ...(now === undefined ? {} : { now }) };
}

function bearer(header: string): Authorized {
  return { authorize: async () => header };
}

function tokens(
  { outward, now = Date.now }: ProviderParts,
  url: URL,
  form: (url: string) => Promise<Readonly<Record<string, string>>>,
): Authorized {
  return createAccessToken(async (signal) => postForm({ outward, now }, url.href, await form(url.href), signal), now);
}

function paceOf({ kind, pace }: ProviderSettings): PaceOptions {
  const said = Object.fromEntries(Object.entries(pace).filter(([, value]) => value !== undefined));
  const whole: PaceOptions = { ...usualPace, ...paces[kind], ...said };
  return { ...whole, burst: Math.max(1, Math.min(whole.burst, whole.perSec)) };
}
