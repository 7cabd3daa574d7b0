import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Bearer, Credentials } from "@rollcall/core/store";
import type { Admission } from "./admission.ts";
import { type ClientCredentials, readClientCredentials } from "./client-credentials.ts";
import { FeedRefusal } from "./errors.ts";
import type { Introspection, Introspector } from "./introspection.ts";
import { oauthErrors, OAuthRefusal } from "./oauth-refusal.ts";

export type IntrospectionParts = {
  readonly introspector: Introspector;
  readonly credentials: Credentials;
  readonly admission: Admission;
};

const formType = "application/x-www-form-urlencoded";
/** A token of the largest size that is read, each of its letters escaped, and a client's credentials. */
const formBytesMax = 64 * 1_024;
/** Longer than an issuer's first keys take to come; a gateway that waits longer keeps its own clients waiting. */
const decideMsMax = 4_000;

/** RFC 7662, for gateways that speak nothing else. The token that a gateway follows the feed with is its credential. */
export function introspectionRoutes({ introspector, credentials, admission }: IntrospectionParts): FastifyPluginAsync {
  async function clientOf(request: FastifyRequest, form: ReadonlyMap<string, string>): Promise<Bearer> {
    const { method, clientId, secret }: ClientCredentials = readClientCredentials(request.headers.authorization, form);
    const bearer = await credentials.authenticate(secret, "feed");
    if (bearer === undefined || (clientId !== undefined && clientId !== bearer.credentialId))
      throw new OAuthRefusal("invalid_client", { method });
    admission.admit(bearer.credentialId);
    return bearer;
  }
  return async (app) => {
    app.setErrorHandler((error, request, reply) => answerError(error as Error, request, reply));
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      formType,
      { parseAs: "string", bodyLimit: formBytesMax },
      async (_request: FastifyRequest, body: string) => body,
    );
    app.post("/v1/introspect", async (request, reply): Promise<Introspection> => {
      reply.header("cache-control", "no-store");
      const form = readForm(request.body);
      const client = await within(clientOf(request, form));
      const token = form.get("token");
      // RFC 7662 §2.1: `token_type_hint` may be ignored, and there is but one type here.
      if (token === undefined || token === "") throw new OAuthRefusal("invalid_request");
      return within(introspector.introspect(client, token));
    });
  };
}

/** RFC 6749 §3.1: a parameter that comes twice makes the request invalid. */
function readForm(body: unknown): ReadonlyMap<string, string> {
  const form = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(typeof body === "string" ? body : "")) {
    if (form.has(name)) throw new OAuthRefusal("invalid_request");
    form.set(name, value);
  }
  return form;
}

/** Rejects where an answer takes so long that nobody waits for it any more. */
async function within<Answer>(answer: Promise<Answer>): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new OAuthRefusal("temporarily_unavailable")), decideMsMax);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

function answerError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOf(error);
  const { status } = oauthErrors[refusal.code];
  if (refusal !== error && status >= 500)
    request.log.error({ err: error, request: request.id }, "the feed could not introspect");
  const { method = "basic", retryAfterSec = 1 } = refusal.circumstances;
  if (status === 401) reply.header("www-authenticate", challenges[method]);
  if (status === 429 || status === 503) reply.header("retry-after", String(retryAfterSec));
  return reply
    .code(status)
    .headers({ "cache-control": "no-store" })
    .type("application/json")
    .send(JSON.stringify({ error: refusal.code, error_description: refusal.message }));
}

/** RFC 6749 §5.2: the challenge is of the scheme that the client has tried. */
const challenges = {
  bearer: 'Bearer realm="rollcall", error="invalid_token"',
  basic: 'Basic realm="rollcall"',
  form: 'Basic realm="rollcall"',
} as const satisfies Record<ClientCredentials["method"], string>;

function refusalOf(error: Error): OAuthRefusal {
  if (error instanceof OAuthRefusal) return error;
  if (error instanceof FeedRefusal && error.code === "rate_limited")
    return new OAuthRefusal("slow_down", { retryAfterSec: error.circumstances.retryAfterSec ?? 1 });
  const { statusCode } = error as { statusCode?: number };
  const isTheirs = statusCode !== undefined && statusCode >= 400 && statusCode < 500;
  return new OAuthRefusal(isTheirs ? "invalid_request" : "temporarily_unavailable");
}
