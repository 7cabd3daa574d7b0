import { lookup as resolve, type LookupAddress } from "node:dns";
import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { createReach, type ReachOptions } from "./reach.ts";

export type OutwardAnswer = {
  readonly status: number;
  /** How long to leave it alone, in seconds, where it says so. */
  readonly retryAfterSec: number | undefined;
  /** Its first 16 KiB. */
  readonly body: string;
};

export type OutwardRequest = {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** What an answer may be at most, in bytes. */
  readonly bytesMax: number;
};

/** A whole answer; a redirect is one. */
export type OutwardReply = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
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
  /** Asks, and answers all that was said, or throws: an answer that breaks off or is too long is none. */
  ask(request: OutwardRequest, signal: AbortSignal): Promise<OutwardReply>;
  /** Where a name leads, for what speaks no HTTP: what is answered was judged, and it alone may be connected to. */
  addressOf(host: string, isPlain: boolean): Promise<string>;
  close(): void;
};

export type OutwardOptions = ReachOptions & { readonly lookup?: typeof resolve };

/** The name leads to an address that must not be asked. */
export class AddressRefused extends Error {
  override readonly name = "AddressRefused";
}

/** There is more of an answer than whoever asked will hold. */
export class AnswerTooLong extends Error {
  override readonly name = "AnswerTooLong";
}

const bodyBytesMax = 16 * 1024;
const retryAfterSecMax = 3_600;

/**
 * Every name is resolved here, each of its addresses is judged, and what was judged is what is connected
 * to: a name that leads elsewhere the next moment (DNS rebinding) leads nowhere.
 */
export function createOutward({ lookup = resolve, ...options }: OutwardOptions): Outward {
  const reach = createReach(options);
  const judgedLookup =
    (isPlain: boolean): LookupFunction =>
    (hostname, wanted, callback) => {
      lookup(hostname, { ...wanted, all: true }, (error, found) => {
        const [first] = found ?? [];
        if (error !== null || first === undefined) return callback(error ?? new Error("no address"), []);
        if (!found.every(({ address }) => reach.mayConnect(address, hostname, isPlain)))
          return callback(new AddressRefused("the name leads to an address that may not be asked"), []);
        return wanted.all === true ? callback(null, found) : callback(null, first.address, first.family);
      });
    };
  const common = { keepAlive: true, maxSockets: 64, maxFreeSockets: 64, timeout: 30_000 };
  const agents = {
    "http:": new http.Agent({ ...common, lookup: judgedLookup(true) }),
    "https:": new https.Agent({ ...common, lookup: judgedLookup(false) }),
  };

  const send = (request: Omit<OutwardRequest, "bytesMax">, signal: AbortSignal): Promise<IncomingMessage> => {
    const refusal = reach.refusalOf(request.url);
    // Judged again: what was registered under other rules is not asked under these.
    if (refusal !== undefined) return Promise.reject(new AddressRefused(refusal));
    return begin(request, agents, signal);
  };
  return {
    refusalOf: reach.refusalOf,
    post: async (url, headers, body, signal) =>
      readBeginning(await send({ method: "POST", url, headers, body }, signal)),
    ask: async ({ bytesMax, ...request }, signal) => readWhole(await send(request, signal), bytesMax),
    addressOf: async (host, isPlain) => {
      if (isIP(host) === 0) return firstAddress(judgedLookup(isPlain), host);
      if (!reach.mayConnect(host, host, isPlain)) throw new AddressRefused("the address may not be asked");
      return host;
    },
    close: () => {
      agents["http:"].destroy();
      agents["https:"].destroy();
    },
  };
}

function begin(
  { method, url: text, headers, body }: Omit<OutwardRequest, "bytesMax">,
  agents: { readonly "http:": http.Agent; readonly "https:": https.Agent },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const url = new URL(text);
  const isPlain = url.protocol === "http:";
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  return new Promise((answer, fail) => {
    const request = (isPlain ? http : https).request(url, {
      method,
      agent: agents[isPlain ? "http:" : "https:"],
      headers: { ...headers, ...length },
      signal,
    });
    request.once("error", fail);
    request.once("response", answer);
    request.end(body);
  });
}

async function readBeginning(response: IncomingMessage): Promise<OutwardAnswer> {
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

async function readWhole(response: IncomingMessage, bytesMax: number): Promise<OutwardReply> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes > bytesMax) throw new AnswerTooLong(`the answer is longer than ${bytesMax} bytes`);
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: Buffer.concat(pieces).toString("utf8"),
  };
}

function firstAddress(lookup: LookupFunction, host: string): Promise<string> {
  return new Promise((answer, fail) => {
    lookup(host, {}, (error, found: string | readonly LookupAddress[]) => {
      const address = typeof found === "string" ? found : found[0]?.address;
      if (error !== null || address === undefined) fail(error ?? new Error("no address"));
      else answer(address);
    });
  });
}
