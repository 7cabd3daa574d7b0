import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { DirectoryError } from "@rollcall/core/domain";
import type { Credentials, Database } from "@rollcall/core/store";
import type { ResolveAnswer } from "@rollcall/guard";
import { createTokenCheck, type RefusedKeys } from "@rollcall/guard/tokens";
import { type AdmissionLimits, createAdmission } from "./admission.ts";
import { signalOf } from "./asker.ts";
import { parseResolve } from "./bodies.ts";
import { openCallers } from "./callers.ts";
import { type FeedErrorCode, FeedRefusal, feedErrors } from "./errors.ts";
import { feedRoutesOf } from "./feed-routes.ts";
import { openFollowers } from "./followers.ts";
import { createIntrospector } from "./introspection.ts";
import { introspectionRoutes } from "./introspection-routes.ts";
import { createProvisioner } from "./provisioner.ts";
import { createRefusalTaker } from "./refusal-taker.ts";
import { createResolving } from "./resolving.ts";
import type { Signer } from "./signing-keys.ts";

export type { AdmissionLimits as FeedLimits } from "./admission.ts";
export { type Egress, startEgress } from "./egress/egress.ts";
export { openSigner, type Signer } from "./signing-keys.ts";

export type FeedDependencies = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly signer: Signer;
  readonly publicUrl: string;
  readonly staleSecMax: number;
  /** The ids of issuers' keys that verify no token here, neither in introspection nor where a token makes a user. */
  readonly refusedKeys: RefusedKeys;
  readonly limits: AdmissionLimits;
  readonly now: () => number;
  readonly newId: () => string;
  readonly onError: (error: Error) => void;
};

/** How long something lasts is measured by a clock that nobody puts forward or back: a stream that waited by the other would fall silent for as long. */
const steadyNow = (): number => performance.now();

/** Serves the revocation feed of each tenant, and answers gateways about single subjects. */
export async function feedRoutes(dependencies: FeedDependencies): Promise<FastifyPluginAsync> {
  const followers = await openFollowers(dependencies);
  const admission = createAdmission(dependencies.limits, steadyNow);
  const tokens = createTokenCheck(dependencies);
  const provisioner = createProvisioner({ ...dependencies, tokens });
  const introspector = createIntrospector({ ...dependencies, provisioner, tokens });
  const refusals = createRefusalTaker(dependencies.database, dependencies.now);
  const resolving = createResolving(dependencies.database, provisioner, steadyNow);
  return async (app) => {
    const callers = openCallers(app, dependencies.credentials, admission);
    const parts = { followers, admission, callers, refusals, now: steadyNow };
    app.addHook("preClose", async () => {
      tokens.close();
      await followers.close();
    });
    app.setErrorHandler((error, request, reply) => answerError(error as Error, request, reply));
    app.get("/.well-known/jwks.json", async (_request, reply) =>
      reply.header("cache-control", "public, max-age=60").send(dependencies.signer.jwks),
    );
    await app.register(feedRoutesOf(parts, "revocations"), { prefix: "/v1/feeds/:feed" });
    await app.register(feedRoutesOf(parts, "subjects"), { prefix: "/v1/feeds/:feed/subjects" });
    app.post("/v1/resolve", { onRequest: callers.admit }, async (request, reply): Promise<ResolveAnswer> => {
      return resolving.resolve(callers.of(request).bearer, parseResolve(request.body), signalOf(reply));
    });
    await app.register(introspectionRoutes({ introspector, credentials: dependencies.credentials, admission }));
  };
}

function answerError(error: Error, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const code = codeOf(error);
  const { status, detail } = feedErrors[code];
  const { retryAfterSec = 1, reason, headers = {} } = error instanceof FeedRefusal ? error.circumstances : {};
  if (status >= 500 && !(error instanceof FeedRefusal))
    request.log.error({ err: error, request: request.id }, "the feed could not answer");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  if (status === 503 || status === 429) reply.header("retry-after", String(retryAfterSec));
  const why = reason === undefined ? {} : { reason };
  return reply
    .code(status)
    .headers(headers)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", status, code, ...why, detail, request_id: request.id }));
}

function codeOf(error: Error): FeedErrorCode {
  if (error instanceof FeedRefusal) return error.code;
  if (error instanceof DirectoryError && error.code === "unavailable") return "unavailable";
  const { statusCode } = error as { statusCode?: number };
  return statusCode !== undefined && statusCode < 500 ? "body_invalid" : "unavailable";
}
