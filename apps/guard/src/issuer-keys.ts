import {
  fetchDocument,
  fetchedKeys,
  fetchKeySet,
  pinnedKeys,
  type KeySource,
  type KeySourceOptions,
} from "./key-source.ts";
import type { IssuerSettings } from "./issuer-settings.ts";

/** The keys of one token issuer: pinned, at a URL, or where its discovery document says. */
export function issuerKeys(settings: IssuerSettings, parts: Omit<KeySourceOptions, "load" | "refusedKeys">): KeySource {
  const { keys, issuer, refusedKeys } = settings;
  const options = { ...parts, refusedKeys };
  switch (keys.kind) {
    case "pinned":
      return pinnedKeys(keys.jwks, refusedKeys);
    case "url":
      return fetchedKeys({ ...options, load: (signal) => fetchKeySet(keys.url, signal) });
    case "discovery":
      return fetchedKeys({ ...options, load: async (signal) => fetchKeySet(await discover(issuer, signal), signal) });
  }
}

async function discover(issuer: string, signal: AbortSignal): Promise<string> {
  const base = issuer.endsWith("/") ? issuer.slice(0, -1) : issuer;
  const document = await fetchDocument(`${base}/.well-known/openid-configuration`, signal);
  // OpenID Connect Discovery 1.0 §4.3: another issuer's document would bring another issuer's keys.
  if (document["issuer"] !== issuer) throw new Error(`the discovery document of ${issuer} names another issuer`);
  const url = document["jwks_uri"];
  if (typeof url !== "string" || !URL.canParse(url))
    throw new Error(`the discovery document of ${issuer} names no jwks_uri`);
  if (issuer.startsWith("https:") && !url.startsWith("https:"))
    throw new Error(`the jwks_uri of ${issuer} is not https`);
  return url;
}
