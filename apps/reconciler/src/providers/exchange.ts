import type { Json, JsonObject } from "@rollcall/core/domain";
import { AddressRefused, AnswerTooLong, type Outward, type OutwardReply } from "@rollcall/core/runtime";
import type { Pace } from "./pace.ts";
import { ProviderFailure } from "./provider.ts";
import { retryAfterSec, spentForSec } from "./retry-after.ts";

/** What a provider's API answered, in JSON. */
export type Answer = { readonly status: number; readonly body: Json; readonly links: string | undefined };

/** Asks one provider's API over HTTP, with its credential, and nobody else. */
export type Exchange = {
  /** Gets a URL of the API. Answers 200, and what `expected` names besides; everything else is a failure. */
  get(url: URL, signal: AbortSignal, expected?: readonly number[]): Promise<Answer>;
  /** The same of a request that changes something, with a body in JSON. An empty answer is null. */
  send(request: Change, signal: AbortSignal, expected?: readonly number[]): Promise<Answer>;
};

export type Change = {
  readonly method: "POST" | "PATCH" | "DELETE";
  readonly url: URL;
  readonly body?: JsonObject;
};

export type ExchangeOptions = {
  readonly outward: Outward;
  readonly pace: Pace;
  /** What every URL begins with: the credential goes nowhere else. */
  readonly base: URL;
  /** The Authorization header, now. */
  readonly authorize: (signal: AbortSignal) => Promise<string>;
  /** Told of an Authorization header that was refused; answers whether there may be a better one. */
  readonly renew?: (refused: string) => boolean;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether an answer that looks like a refusal says "too fast". */
  readonly isThrottled?: (answer: Answer) => boolean;
  readonly now?: () => number;
};

/** What one page may be: thousands of people with all that is said of them. */
const answerBytesMax = 8 * 1024 * 1024;

export function createExchange(options: ExchangeOptions): Exchange {
  const { base, pace, renew = () => false } = options;
  const askOnce = async (asked: Request, signal: AbortSignal, expected: readonly number[]): Promise<Answer> => {
    for (let mayRenew = true; ; mayRenew = false) {
      const authorization = await options.authorize(signal);
      const reply = await send(options, asked, authorization, signal);
      if (reply.status === 401 && mayRenew && renew(authorization)) continue;
      return judge(options, reply, expected);
    }
  };
  const ask = async (asked: Request, signal: AbortSignal, expected: readonly number[]): Promise<Answer> => {
    // A link that a provider answers is what a stranger has written: it must not take the credential along.
    if (!isWithin(base, asked.url))
      throw new ProviderFailure("malformed", "it linked to an address outside its own API");
    return pace.ask((limited) => askOnce(asked, limited, expected), signal);
  };
  return {
    get: (url, signal, expected = []) => ask({ method: "GET", url }, signal, expected),
    send: (change, signal, expected = []) => ask(change, signal, expected),
  };
}

type Request = Change | { readonly method: "GET"; readonly url: URL; readonly body?: undefined };

/** Sends a request for what is no part of the API itself, like a token, and answers whatever came. */
export async function postForm(
  { outward, now = Date.now }: Pick<ExchangeOptions, "outward" | "now">,
  url: string,
  form: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Answer> {
  const reply = await outward
    .ask(
      {
        method: "POST",
        url,
        headers: { accept: "application/json", "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(form).toString(),
        bytesMax: 64 * 1024,
      },
      signal,
    )
    .catch(failWithoutAnswer);
  if (reply.status >= 500 || reply.status === 429) throw passingFailure(reply, now());
  return { status: reply.status, body: parse(reply), links: undefined };
}

async function send(
  { outward, headers }: ExchangeOptions,
  { method, url, body }: Request,
  authorization: string,
  signal: AbortSignal,
): Promise<OutwardReply> {
  return outward
    .ask(
      {
        method,
        url: url.href,
        headers: {
          accept: "application/json",
          ...headers,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          authorization,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        bytesMax: answerBytesMax,
      },
      signal,
    )
    .catch(failWithoutAnswer);
}

function judge(options: ExchangeOptions, reply: OutwardReply, expected: readonly number[]): Answer {
  const { pace, now = Date.now, isThrottled = () => false } = options;
  const { status, headers } = reply;
  if (status >= 500 || status === 429 || status === 408) throw passingFailure(reply, now());
  const link = headers["link"];
  if (status === 200 || expected.includes(status)) {
    const spent = spentForSec(headers, now());
    if (spent !== undefined) pace.pause(spent);
    return {
      status,
      body: status === 200 ? parse(reply) : parseRefusal(reply),
      links: Array.isArray(link) ? link.join(", ") : link,
    };
  }
  if (status === 403 && isThrottled({ status, body: parseRefusal(reply), links: undefined }))
    throw new ProviderFailure("throttled", "it asked to be asked more slowly", retryAfterSec(headers, now()));
  if (status === 401) throw new ProviderFailure("unauthenticated", "it does not accept the credential: renew it");
  if (status === 403)
    throw new ProviderFailure("forbidden", "the credential may not read users: grant what docs/providers.md names");
  if (status >= 300 && status < 400)
    throw new ProviderFailure(
      "malformed",
      `it redirects (${status}), which is not followed: set the address it leads to`,
    );
  throw new ProviderFailure("malformed", `it answered ${status}, which says nothing about a user`);
}

function passingFailure({ status, headers }: OutwardReply, nowMs: number): ProviderFailure {
  const waitSec = retryAfterSec(headers, nowMs);
  if (status === 429) return new ProviderFailure("throttled", "it asked to be asked more slowly", waitSec);
  return new ProviderFailure("unreachable", `it answered ${status}`, waitSec);
}

/** Says why nothing was answered, by code alone: messages of the transport may quote what was sent. */
export function failWithoutAnswer(error: unknown): never {
  if (error instanceof AddressRefused)
    throw new ProviderFailure(
      "forbidden",
      "its address may not be asked: an operator opens networks with PROVIDER_NETWORKS",
    );
  if (error instanceof AnswerTooLong) throw new ProviderFailure("malformed", error.message);
  const code = (error as NodeJS.ErrnoException).code ?? "no answer";
  // What was begun and broke off: a truncated body is one (ECONNRESET while it was read).
  if (code === "ECONNRESET" || code === "EPIPE")
    throw new ProviderFailure("interrupted", `the connection broke before its answer was whole (${code})`);
  throw new ProviderFailure("unreachable", `it cannot be reached (${code})`);
}

function parse({ status, body }: OutwardReply): Json {
  if (status === 204) return null;
  try {
    return JSON.parse(body) as Json;
  } catch {
    throw new ProviderFailure("malformed", "it answered what is not JSON: check its address");
  }
}

/** A refusal that was expected may be in anybody's words, and null says that they are not the provider's. */
function parseRefusal(reply: OutwardReply): Json {
  try {
    return parse(reply);
  } catch {
    return null;
  }
}

function isWithin(base: URL, url: URL): boolean {
  const root = base.pathname.endsWith("/") ? base.pathname : `${base.pathname}/`;
  return url.origin === base.origin && url.username === "" && url.password === "" && url.pathname.startsWith(root);
}
