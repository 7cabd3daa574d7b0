import type { Guard } from "../guard.ts";
import { admit, type AnswerOptions, createAnswers } from "./answer.ts";
import { bearerToken } from "./bearer-token.ts";

/** What is used of Hono's `Context`. */
export type HonoContext = {
  readonly req: { readonly path: string; header(name: string): string | undefined };
};

export type HonoOptions<Context> = AnswerOptions & {
  /** What `stale` is asked about; the path unless given. */
  readonly route?: ((context: Context) => string | undefined) | undefined;
  /** What your log knows the request by; its `X-Request-Id` unless given. */
  readonly requestId?: ((context: Context) => string | undefined) | undefined;
};

export { bearerOf } from "./answer.ts";

/** Middleware for Hono that lets pass whom the guard does, and answers the others itself. */
export function protect<Context extends HonoContext>(
  guard: Pick<Guard, "check">,
  options: HonoOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<Response | void> {
  const answerTo = createAnswers(options);
  const routeOf = options.route ?? ((context: Context) => context.req.path);
  const requestIdOf = options.requestId ?? ((context: Context) => context.req.header("x-request-id"));
  return async (context, next) => {
    // The Fetch standard joins two headers of one name, and what is joined is no token.
    const token = bearerToken(context.req.header("authorization"));
    const decision = await guard.check(token, { route: routeOf(context), requestId: requestIdOf(context) });
    if (decision.allow) {
      admit(context, decision);
      return next();
    }
    const { status, headers, body } = answerTo(decision);
    return new Response(body, { status, headers: { ...headers } });
  };
}
