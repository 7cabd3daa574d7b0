import { DirectoryError, type ErrorCode, isId, problemStatus } from "@rollcall/core/domain";
import {
  type Database,
  hurryChanges,
  hurryUpkeep,
  isTransient,
  noteSourceTrouble,
  openSource,
  type OpenSource,
} from "@rollcall/core/store";
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import type { Admission } from "../scim/admission.ts";
import { ConnectionPaused, pausedRetrySec } from "../scim/connection-paused.ts";
import { RateLimited } from "../scim/rate-limited.ts";
import type { EventIntake } from "./event-intake.ts";
import type { EventDelivery, HookAnswer, LeftOut, SourceAdapter, SourceTools, ToldEvent } from "./source-adapter.ts";
import { sources } from "./sources.ts";

export type HookRoutesOptions = {
  readonly database: Database;
  /** Opens what the sources' secrets are sealed with. */
  readonly secretKey: Buffer;
  readonly admission: Admission;
  readonly intake: EventIntake;
  readonly tools: SourceTools;
  readonly newId: () => string;
  readonly now: () => number;
};

type HookParams = { readonly Params: { readonly source: string } };

const bodyBytesMax = 256 * 1024;
const retryAfterSec = 5;

/**
 * `/hooks/{source}`: where identity providers send events. The address names a source, the source
 * verifies the bytes, and the answer is given once every event is committed.
 */
export function hookRoutes(options: HookRoutesOptions): FastifyPluginAsync {
  return (app) => {
    app.setErrorHandler(refuse);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: bodyBytesMax }, (_request, body, done) =>
      done(null, body),
    );
    app.addHook("onRequest", (request, _reply, done) => done(refusalOfEncoding(request)));
    // Of its own, so that nothing is parsed on the way to it.
    app.setNotFoundHandler((_request, reply) => answer(reply, "not_found", "no such hook"));
    for (const method of ["GET", "POST"] as const)
      app.route<HookParams>({
        method,
        url: "/:source",
        exposeHeadRoute: false,
        handler: (request, reply) => receive(options, method, request, reply),
      });
    return Promise.resolve();
  };
}

async function receive(
  options: HookRoutesOptions,
  method: "GET" | "POST",
  request: FastifyRequest<HookParams>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { database, secretKey, now } = options;
  const { source: id } = request.params;
  const source = isId(id) ? await openSource(database, secretKey, id) : undefined;
  if (source === undefined) throw new DirectoryError("not_found", "no such hook");
  const receivedAt = new Date(now());
  const adapter: SourceAdapter = sources[source.kind];
  const received = {
    method,
    headers: request.headers,
    query: new URLSearchParams(request.url.split("?", 2)[1] ?? ""),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    receivedAt,
  };
  try {
    const delivery = await adapter.receive(received, source, options.tools);
    if (delivery.kind === "handshake") return send(reply, delivery.answer);
    requireEnabled(source);
    for (const { event, code } of delivery.leftOut ?? [])
      if (code !== "ignored") request.log.warn({ source: id, event, code }, "an event of a delivery was refused");
    return send(reply, await takeIn(options, source, delivery, receivedAt));
  } catch (error) {
    const own = error instanceof DirectoryError ? adapter.refusal?.(error) : undefined;
    if (own === undefined) throw error;
    return send(reply, own);
  }
}

async function takeIn(
  { database, admission, intake, newId }: HookRoutesOptions,
  source: OpenSource,
  { events: told, leftOut = [], hurries = [], trouble, answer: given }: EventDelivery,
  receivedAt: Date,
): Promise<HookAnswer> {
  requireAny(told, leftOut);
  // What takes access away is taken all the same. Sent again with the rest, it counts once.
  const isPaused = source.connection.pausedAt !== undefined;
  const events = isPaused ? told.filter(({ event }) => intake.denies(event)) : told;
  if (isPaused && events.length === 0) throw new ConnectionPaused();
  const { id, connection } = source;
  if (trouble !== undefined)
    await noteSourceTrouble(database, connection.tenantId, { id, connectionId: connection.id }, trouble, newId());
  const denies = events.some(({ event }) => intake.denies(event));
  const caller = { connectionId: connection.id, connection, userId: undefined };
  await admission.take(caller, denies ? "denials" : "writes", events.length);
  const leave = await admission.turn(caller, denies ? "denials" : "writes", false);
  try {
    const outcomes = await intake.take(source, events, receivedAt);
    if (hurries.includes("renewal")) await hurryUpkeep(database, connection.tenantId, id);
    if (hurries.includes("changes")) await hurryChanges(database, connection.tenantId, connection.id);
    if (events.length < told.length) throw new ConnectionPaused();
    return (typeof given === "function" ? given(outcomes) : given) ?? answerOf(leftOut);
  } finally {
    leave();
  }
}

/** Turned away to be sent again: whoever pauses a source loses nothing that its sender keeps. */
function requireEnabled({ status }: OpenSource): void {
  if (status === "paused") throw new DirectoryError("unavailable", "this source is paused: send it again later");
}

/**
 * Throws where nothing of a delivery could be read. Where something was taken in the sender is told that
 * it succeeded: sent again, the rest would be no more readable, and one bad event in front would keep back
 * all that come after it.
 */
function requireAny(events: readonly ToldEvent[], leftOut: readonly LeftOut[]): void {
  const [first] = leftOut;
  if (events.length > 0 || first === undefined || first.code === "ignored") return;
  if (leftOut.every(({ code }) => code !== "ignored")) throw new DirectoryError(first.code, first.detail);
}

function answerOf(leftOut: readonly LeftOut[]): HookAnswer {
  if (leftOut.length === 0) return { status: 204 };
  return { status: 200, headers: { "content-type": "application/json" }, body: JSON.stringify({ leftOut }) };
}

function send(reply: FastifyReply, { status, headers, body }: HookAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers ?? {})
    .send(body);
}

/** A compressed megabyte may be a gigabyte. */
function refusalOfEncoding({ headers }: FastifyRequest): DirectoryError | undefined {
  const { "content-encoding": encoding } = headers;
  return encoding === undefined || encoding.toLowerCase() === "identity"
    ? undefined
    : new DirectoryError("media_type_unsupported", "send the body as it is, without Content-Encoding");
}

function refuse(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof RateLimited)
    return answer(reply.header("retry-after", String(error.retryAfterSec)), error.code, error.message);
  if (error instanceof DirectoryError) {
    if (error.code === "unauthenticated") reply.header("www-authenticate", "Bearer");
    if (error.code === "unavailable") reply.header("retry-after", String(retryAfterSec));
    if (error.code === "connection_paused") reply.header("retry-after", String(pausedRetrySec));
    return answer(reply, error.code, error.message);
  }
  const { statusCode } = error as { readonly statusCode?: number };
  if (statusCode === 413) return answer(reply, "body_too_large", `a delivery has at most ${bodyBytesMax} bytes`);
  if (statusCode !== undefined && statusCode < 500) return answer(reply, "syntax_invalid", "the request is malformed");
  if (!isTransient(error)) request.log.error({ err: error, request: request.id }, "a delivery failed");
  return answer(reply.header("retry-after", String(retryAfterSec)), "unavailable", "not accepted: send it again");
}

/** RFC 9457, with nothing of what was sent. */
function answer(reply: FastifyReply, code: ErrorCode, detail: string): FastifyReply {
  const status = problemStatus[code];
  return reply
    .code(status)
    .type("application/problem+json")
    .send(JSON.stringify({ type: "about:blank", status, code, detail }));
}
