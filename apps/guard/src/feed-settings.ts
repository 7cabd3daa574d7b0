import type { JSONWebKeySet } from "jose";
import { httpUrl, isKeySet, isText, type Report, settleNumber } from "./option-checks.ts";
import type { FeedOptions, FeedTransport, RelayOptions } from "./options.ts";

/** Where the feed can be read, and what to show there. */
export type FeedSource = { readonly url: string; readonly token: string | undefined };

export type FeedSettings = {
  readonly url: string;
  readonly name: string;
  readonly keysUrl: string;
  readonly token: string;
  readonly gateway: string;
  readonly persistPath: string | undefined;
  readonly keys: JSONWebKeySet | undefined;
  readonly transport: FeedTransport;
  readonly waitSec: number;
  readonly pollMs: number;
  /** In the order in which they are asked; the feed itself is the last. */
  readonly sources: readonly FeedSource[];
  readonly subjectKey: Buffer | undefined;
  readonly subjects: boolean;
  readonly report: boolean;
};

const transports: readonly unknown[] = ["long-poll", "short-poll", "stream"];
const waitSecUsual = 25;
const waitSecMax = 60;
const pollSecUsual = 5;
const pollSecMax = 60;
const relaysMax = 10;
const subjectKeyBytesMin = 16;
const subjectKeyBytesMax = 64;

export function settleFeed(options: FeedOptions | undefined, report: Report): FeedSettings | undefined {
  if (options === undefined || options === null) {
    report("feed: url, token and gateway are needed");
    return undefined;
  }
  const url = httpUrl(options.url);
  const name = url?.pathname.split("/").at(-1) ?? "";
  if (url === undefined || url.search !== "" || url.hash !== "" || !/^[\w.~-]+$/.test(name)) {
    report("feed.url: must be an http(s) URL that ends in the feed's name, as in https://host/v1/feeds/acme");
  }
  if (!isText(options.token)) report("feed.token: must not be empty");
  if (!isText(options.gateway)) report("feed.gateway: name this gateway");
  if (options.persistPath !== undefined && !isText(options.persistPath))
    report("feed.persistPath: must be a file's path");
  if (options.keys !== undefined && !isKeySet(options.keys)) {
    report("feed.keys: must be a JSON Web Key Set with one key or more");
  }
  const transport = options.transport ?? "long-poll";
  if (!transports.includes(transport)) report('feed.transport: must be "long-poll", "short-poll" or "stream"');
  const subjectKey = settleSubjectKey(options, report);
  if (options.report !== undefined && typeof options.report !== "boolean") report("feed.report: must be true or false");
  return {
    url: options.url,
    name,
    keysUrl: url === undefined ? "" : `${url.origin}/.well-known/jwks.json`,
    token: options.token,
    gateway: options.gateway,
    persistPath: options.persistPath,
    keys: options.keys,
    transport,
    waitSec: settleNumber("feed.waitSec", options.waitSec, waitSecUsual, waitSecMax, report),
    pollMs: settleNumber("feed.pollSec", options.pollSec, pollSecUsual, pollSecMax, report, 1) * 1_000,
    sources: [...settleRelays(options.relays, report), { url: options.url, token: options.token }],
    subjectKey,
    subjects: options.subjects ?? false,
    report: options.report ?? false,
  };
}

function settleSubjectKey({ subjectKey, subjects }: FeedOptions, report: Report): Buffer | undefined {
  if (subjects !== undefined && typeof subjects !== "boolean") report("feed.subjects: must be true or false");
  if (subjectKey === undefined) {
    if (subjects === true)
      report("feed.subjectKey: is needed where feed.subjects is true, as the set names subjects by it");
    return undefined;
  }
  const isEncoded = typeof subjectKey === "string" && /^[\w-]+$/.test(subjectKey);
  const key = Buffer.from(isEncoded ? subjectKey : "", "base64url");
  if (key.length < subjectKeyBytesMin || key.length > subjectKeyBytesMax)
    report(`feed.subjectKey: must be ${subjectKeyBytesMin} to ${subjectKeyBytesMax} bytes, base64url`);
  return key;
}

function settleRelays(relays: readonly RelayOptions[] | undefined, report: Report): readonly FeedSource[] {
  if (relays === undefined) return [];
  if (!Array.isArray(relays) || relays.length > relaysMax) {
    report(`feed.relays: must be a list of at most ${relaysMax}`);
    return [];
  }
  return relays.map((relay: RelayOptions | undefined, index) => {
    const url = httpUrl(relay?.url);
    if (url === undefined || url.search !== "" || url.hash !== "")
      report(`feed.relays[${index}].url: must be the feed's http(s) URL at the relay`);
    if (relay?.token !== undefined && !isText(relay.token)) report(`feed.relays[${index}].token: must not be empty`);
    return { url: relay?.url ?? "", token: relay?.token };
  });
}
