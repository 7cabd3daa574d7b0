import { lookup as resolve, type LookupAddress } from "node:dns";
import http, { type IncomingMessage } from "node:http";
import https from "node:https";
import { BlockList, isIP, isIPv4, type LookupFunction } from "node:net";

export type OutwardAnswer = {
  readonly status: number;
  /** How long to leave it alone, in seconds, where it says so. */
  readonly retryAfterSec: number | undefined;
  /** Its first 16 KiB. */
  readonly body: string;
};

/** Requests to addresses that somebody outside has named, and that must not lead inside. */
export type Outward = {
  /** Says why a URL may not be asked; undefined where it may, as far as its text tells. */
  refusalOf(url: string): string | undefined;
  /** Posts, and answers what was said: a redirect is an answer. Throws where nothing was. */
  post(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string,
    signal: AbortSignal,
  ): Promise<OutwardAnswer>;
  close(): void;
};

export type OutwardOptions = {
  /** Whether this machine itself may be asked, also by http. */
  readonly loopback: boolean;
  readonly lookup?: typeof resolve;
};

/** The name leads to an address that must not be asked. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

const bodyBytesMax = 16 * 1024;
const retryAfterSecMax = 3_600;

/**
 * Every name is resolved here, each of its addresses is judged, and what was judged is what is connected
 * to: a name that leads elsewhere the next moment (DNS rebinding) leads nowhere.
 */
export function createOutward({ loopback, lookup = resolve }: OutwardOptions): Outward {
  const judged: LookupFunction = (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      const [first] = found ?? [];
      if (error !== null || first === undefined) return callback(error ?? new Error("no address"), []);
      const mayLoop = loopback && isLoopbackName(hostname);
      if (!found.every(({ address }) => isPublic(address) || (mayLoop && isLoopback(address))))
        return callback(new AddressRefused("the name leads to an address that is not public"), []);
      return options.all === true ? callback(null, found) : callback(null, first.address, first.family);
    });
  };
  const agentOptions = { keepAlive: true, maxSockets: 64, maxFreeSockets: 64, timeout: 30_000, lookup: judged };
  const agents = { "http:": new http.Agent(agentOptions), "https:": new https.Agent(agentOptions) };

  const refusalOf = (text: string): string | undefined => whyNot(text, loopback);
  return {
    refusalOf,
    post: async (text, headers, body, signal) => {
      const refusal = refusalOf(text);
      // Judged again: what was registered under other rules is not asked under these.
      if (refusal !== undefined) throw new AddressRefused(refusal);
      const url = new URL(text);
      const isPlain = url.protocol === "http:";
      const length = String(Buffer.byteLength(body));
      return new Promise((answer, fail) => {
        const request = (isPlain ? http : https).request(url, {
          method: "POST",
          agent: agents[isPlain ? "http:" : "https:"],
          headers: { ...headers, "content-length": length },
          signal,
        });
        request.once("error", fail);
        request.once("response", (response) => void read(response).then(answer, fail));
        request.end(body);
      });
    },
    close: () => {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

function whyNot(text: string, loopback: boolean): string | undefined {
  if (!URL.canParse(text)) return "must be a URL";
  const { protocol, hostname, username, password, hash } = new URL(text);
  const host = hostname.replace(/^\[|\]$/g, "");
  const mayLoop = loopback && isLoopbackName(host);
  if (protocol !== "https:" && !(protocol === "http:" && mayLoop)) return "must begin with https://";
  if (username !== "" || password !== "") return "must not hold a user or a password";
  if (hash !== "") return "must not have a fragment";
  if (mayLoop) return undefined;
  if (isIP(host) !== 0 && !isPublic(host)) return "must not lead to a private address";
  // Names that are nobody's on the Internet (RFC 6761 §6.3, RFC 6762 §3, RFC 9476 and their like).
  if (/(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$/i.test(host)) return "must not lead to a private address";
  return undefined;
}

async function read(response: IncomingMessage): Promise<OutwardAnswer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    // Nobody reads on: the rest of it, and the connection with it, is given up.
    if (bytes > bodyBytesMax) break;
  }
  const seconds = Number(response.headers["retry-after"]);
  return {
    status: response.statusCode ?? 0,
    retryAfterSec: Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, retryAfterSecMax) : undefined,
    body: Buffer.concat(pieces).subarray(0, bodyBytesMax).toString("utf8"),
  };
}

const loopbacks = new BlockList();
loopbacks.addSubnet("127.0.0.0", 8);
loopbacks.addAddress("::1", "ipv6");

/** What is not on the Internet: the registries of IANA for IPv4 (RFC 6890), and for IPv6 all but what is given out. */
const notPublic = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  notPublic.addSubnet(net, bits);
const publicSix = new BlockList();
publicSix.addSubnet("2000::", 3, "ipv6");
// Within it: Teredo and protocol assignments, documentation, and 6to4, which leads to any IPv4 address.
for (const [net, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  notPublic.addSubnet(net, bits, "ipv6");

function isPublic(address: LookupAddress["address"]): boolean {
  if (isIPv4(address)) return !notPublic.check(address);
  return isIP(address) === 6 && publicSix.check(address, "ipv6") && !notPublic.check(address, "ipv6");
}

function isLoopback(address: string): boolean {
  return loopbacks.check(address, isIPv4(address) ? "ipv4" : "ipv6");
}

function isLoopbackName(host: string): boolean {
  return host === "localhost" || (isIP(host) !== 0 && isLoopback(host));
}
