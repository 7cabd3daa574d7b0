import type { Allowed } from "../decision.ts";
import type { Guard } from "../guard.ts";
import { type AnswerOptions, createAnswers, type RefusalAnswer } from "./answer.ts";
import { bearerTokenOfNode, type HeadersOfNode, requestIdOfNode } from "./bearer-token.ts";

/** What is used of Node's `IncomingMessage`. */
export type HttpRequest = HeadersOfNode & { readonly url?: string | undefined };
/** What is used of Node's `ServerResponse`. */
export type HttpResponse = {
  writeHead(status: number, headers: Record<string, string>): unknown;
  end(body: string): unknown;
};

export type HttpOptions<Request> = AnswerOptions & {
  /** What `stale` is asked about; the path of the URL unless given. */
  readonly route?: ((request: Request) => string | undefined) | undefined;
  /** What your log knows the request by; its `X-Request-Id` unless given. */
  readonly requestId?: ((request: Request) => string | undefined) | undefined;
};

/** A listener for `http.createServer` that calls yours for requests that pass, with who they are from, and answers the others itself. */
export function protect<Request extends HttpRequest, Response extends HttpResponse>(
  guard: Pick<Guard, "check">,
  listener: (request: Request, response: Response, bearer: Allowed) => void | Promise<void>,
  options: HttpOptions<Request> = {},
): (request: Request, response: Response) => Promise<void> {
  const answerTo = createAnswers(options);
  const routeOf = options.route ?? ((request: Request) => pathOf(request.url));
  const requestIdOf = options.requestId ?? requestIdOfNode;
  return async (request, response) => {
    const decision = await guard.check(bearerTokenOfNode(request), {
      route: routeOf(request),
      requestId: requestIdOf(request),
    });
    if (decision.allow) await listener(request, response, decision);
    else sendAnswer(response, answerTo(decision));
  };
}

export function sendAnswer(response: HttpResponse, { status, headers, body }: RefusalAnswer): void {
  response.writeHead(status, { ...headers, "content-length": String(Buffer.byteLength(body)) });
  response.end(body);
}

export function pathOf(url: string | undefined): string | undefined {
  return url?.split("?", 1)[0];
}
