import { DirectoryError, isObject, type Json } from "@rollcall/core/domain";
import type { Outward } from "@rollcall/core/runtime";
import { readKeySet, type VerifyKey } from "./verify-key.ts";

/** Where an issuer's keys are: at an address that an admin gave, or where its own configuration says. */
export type KeyPlace = {
  readonly issuer: string;
  readonly jwksUri: string | undefined;
  /** Which configuration leads there: SSF 1.0 §7.2, or OpenID Connect Discovery 1.0 §4. */
  readonly discovery: "ssf" | "oidc";
};

export type IssuerKeys = {
  /**
   * The keys that may have signed a token with this header; none where the issuer has no such key.
   * Throws `unavailable` where nobody can tell now: whoever sent the token is to send it again.
   */
  find(place: KeyPlace, alg: string, kid: string | undefined): Promise<readonly VerifyKey[]>;
};

export type IssuerKeysOptions = { readonly outward: Outward; readonly now: () => number };

type Held = { keys: readonly VerifyKey[]; fetchedAtMs: number };
type Shelf = { held: Held | undefined; triedAtMs: number; failed: boolean; fetching: Promise<void> | undefined };

/** So long a key that its issuer has withdrawn may still verify. */
const refreshMs = 300_000;
/** So long the last good keys serve an issuer that does not answer. */
const keepMs = 24 * 3_600_000;
/** An unknown key id costs one fetch in so long a time, however many tokens carry one. */
const cooldownMs = 30_000;
const fetchMsMax = 5_000;
const documentBytesMax = 512 * 1024;
/** A token without a key id is tried with each key; with more than this, one token could keep a process busy. */
const candidatesMax = 8;
const placesMax = 10_000;

/** Keys by issuer, fetched when they are needed: the last good ones serve through an outage. */
export function createIssuerKeys({ outward, now }: IssuerKeysOptions): IssuerKeys {
  const shelves = new Map<string, Shelf>();

  async function refresh(shelf: Shelf, place: KeyPlace): Promise<void> {
    shelf.fetching ??= (async () => {
      shelf.triedAtMs = now();
      try {
        shelf.held = { keys: await fetchKeys(outward, place), fetchedAtMs: now() };
        shelf.failed = false;
      } catch {
        shelf.failed = true;
      } finally {
        shelf.fetching = undefined;
      }
    })();
    await shelf.fetching;
  }
  function shelfOf(place: KeyPlace): Shelf {
    const name = JSON.stringify([place.issuer, place.jwksUri, place.discovery]);
    const shelf = shelves.get(name) ?? { held: undefined, triedAtMs: -Infinity, failed: false, fetching: undefined };
    // The one that was asked for longest ago makes room.
    shelves.delete(name);
    shelves.set(name, shelf);
    const [oldest] = shelves.keys();
    if (shelves.size > placesMax && oldest !== undefined) shelves.delete(oldest);
    return shelf;
  }
  return {
    find: async (place, alg, kid) => {
      const shelf = shelfOf(place);
      const isCooling = (): boolean => now() - shelf.triedAtMs < cooldownMs;
      const isOld = shelf.held === undefined || now() - shelf.held.fetchedAtMs >= refreshMs;
      let asked = false;
      if (shelf.fetching !== undefined || (isOld && !isCooling())) {
        await refresh(shelf, place);
        asked = true;
      }
      if (!asked && usable(shelf, now(), alg, kid).length === 0 && !isCooling()) {
        await refresh(shelf, place);
        asked = true;
      }
      const found = usable(shelf, now(), alg, kid);
      // Only whoever was asked a moment ago can say that there is no such key.
      if (found.length === 0 && (!asked || shelf.failed))
        throw new DirectoryError("unavailable", "the issuer's keys are not known now: send it again later");
      return found;
    },
  };
}

function usable({ held }: Shelf, nowMs: number, alg: string, kid: string | undefined): readonly VerifyKey[] {
  if (held === undefined || nowMs - held.fetchedAtMs > keepMs) return [];
  const found = held.keys.filter((key) => key.alg === alg && (kid === undefined || key.kid === kid));
  // RFC 7517 §4.5: two keys of one id are a fault of the issuer's, and neither is the one that was meant.
  return found.length > (kid === undefined ? candidatesMax : 1) ? [] : found;
}

async function fetchKeys(outward: Outward, place: KeyPlace): Promise<readonly VerifyKey[]> {
  return readKeySet(await fetchDocument(outward, place.jwksUri ?? (await discover(outward, place))));
}

async function discover(outward: Outward, { issuer, discovery }: KeyPlace): Promise<string> {
  const document = await fetchDocument(outward, configurationOf(issuer, discovery));
  // Another issuer's configuration is nobody's here (SSF 1.0 §7.2.3, OpenID Connect Discovery 1.0 §4.3).
  if (!isObject(document) || document["issuer"] !== issuer || typeof document["jwks_uri"] !== "string")
    throw new Error("the configuration is not the issuer's, or names no keys");
  return document["jwks_uri"];
}

function configurationOf(issuer: string, discovery: KeyPlace["discovery"]): string {
  if (discovery === "oidc") return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
  const { origin, pathname } = new URL(issuer);
  return `${origin}/.well-known/ssf-configuration${pathname.replace(/\/$/, "")}`;
}

async function fetchDocument(outward: Outward, url: string): Promise<Json> {
  const request = { method: "GET", url, headers: { accept: "application/json" }, bytesMax: documentBytesMax } as const;
  const { status, body } = await outward.ask(request, AbortSignal.timeout(fetchMsMax));
  if (status !== 200) throw new Error(`asked for keys, the issuer answered ${status}`);
  return JSON.parse(body) as Json;
}
