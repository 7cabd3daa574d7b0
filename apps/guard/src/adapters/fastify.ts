import type { Guard } from "../guard.ts";
import { admit, type AnswerOptions, createAnswers } from "./answer.ts";
import { bearerTokenOfNode, type HeadersOfNode } from "./bearer-token.ts";

/** What is used of Fastify's `FastifyRequest`. */
export type FastifyRequest = {
  readonly raw: HeadersOfNode;
  readonly id?: unknown;
  readonly routeOptions: { readonly url?: string | undefined };
};
/** What is used of Fastify's `FastifyReply`. */
export type FastifyReply = {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: Uint8Array): unknown;
};

export type FastifyOptions<Request> = AnswerOptions & {
  /** What `stale` is asked about; the route's own pattern unless given, as in `/orders/:id`. */
  readonly route?: ((request: Request) => string | undefined) | undefined;
  /** What your log knows the request by; Fastify's own `request.id` unless given. */
  readonly requestId?: ((request: Request) => string | undefined) | undefined;
};

export { bearerOf } from "./answer.ts";

/** An `onRequest` hook for Fastify: before a body is read, it answers whom the guard does not let pass. */
export function protect<Request extends FastifyRequest>(
  guard: Pick<Guard, "check">,
  options: FastifyOptions<Request> = {},
): (request: Request, reply: FastifyReply) => Promise<unknown> {
  const answerTo = createAnswers(options);
  const routeOf = options.route ?? ((request: Request) => request.routeOptions.url);
  const requestIdOf = options.requestId ?? idOf;
  return async (request, reply) => {
    const decision = await guard.check(bearerTokenOfNode(request.raw), {
      route: routeOf(request),
      requestId: requestIdOf(request),
    });
    if (decision.allow) return admit(request, decision);
    const { status, headers, body } = answerTo(decision);
    reply.code(status);
    reply.headers({ ...headers });
    // As bytes, because Fastify adds a charset to the type of a text.
    reply.send(Buffer.from(body));
    // Fastify goes on to the handler unless the hook says that it has answered.
    return reply;
  };
}

function idOf({ id }: FastifyRequest): string | undefined {
  return typeof id === "string" ? id : undefined;
}
