import type { Guard } from "../guard.ts";
import { admit, createAnswers } from "./answer.ts";
import { bearerTokenOfNode, requestIdOfNode } from "./bearer-token.ts";
import { type HttpOptions, type HttpRequest, type HttpResponse, pathOf, sendAnswer } from "./http.ts";

/** What is used of Express's `Request`. */
export type ExpressRequest = HttpRequest & { readonly originalUrl: string };

export { bearerOf } from "./answer.ts";

/** Middleware for Express that lets pass whom the guard does, and answers the others itself. */
export function protect<Request extends ExpressRequest>(
  guard: Pick<Guard, "check">,
  options: HttpOptions<Request> = {},
): (request: Request, response: HttpResponse, next: (error?: unknown) => void) => Promise<void> {
  const answerTo = createAnswers(options);
  const routeOf = options.route ?? ((request: Request) => pathOf(request.originalUrl));
  const requestIdOf = options.requestId ?? requestIdOfNode;
  return async (request, response, next) => {
    try {
      const decision = await guard.check(bearerTokenOfNode(request), {
        route: routeOf(request),
        requestId: requestIdOf(request),
      });
      if (!decision.allow) return sendAnswer(response, answerTo(decision));
      admit(request, decision);
    } catch (error) {
      return next(error);
    }
    next();
  };
}
