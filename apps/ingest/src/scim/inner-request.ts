import { AsyncLocalStorage } from "node:async_hooks";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Caller } from "./scim-door.ts";

/** What a request of ours to ourselves is a part of, and what it need not ask for again. */
export type InnerPurpose = {
  readonly part: "bulk" | "me";
  /** In whose name, and in whose dialect: as the whole was authenticated. */
  readonly caller: Caller;
  /** Its turn among the connections was taken by the whole it is a part of. */
  readonly hasTurn: boolean;
};

export type InnerRequest = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the prefix of the SCIM routes. */
  readonly path: string;
  readonly headers?: { readonly [name: string]: string };
  /** JSON text. */
  readonly body?: string | undefined;
};

export type InnerAnswer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: unknown };
  readonly text: string;
};

type Expected = InnerPurpose & { readonly method: string; readonly url: string };

const expected = new AsyncLocalStorage<Expected>();
/** A path can only be parsed under one; it goes nowhere. */
const anyBase = "http://localhost";

/**
 * Sends a request through the same routes, in this process and in the name of the outer request's
 * sender: it is read, judged and answered exactly as if it had come alone.
 */
export async function sendInner(
  app: FastifyInstance,
  outer: FastifyRequest,
  purpose: InnerPurpose,
  { method, path, headers, body }: InnerRequest,
): Promise<InnerAnswer> {
  // As it arrives on the other side, which knows it again by this: an inner request is parsed as a URL.
  const { pathname, search } = new URL(`${app.prefix}${path}`, anyBase);
  const url = `${pathname}${search}`;
  return expected.run({ ...purpose, method, url }, () =>
    app
      .inject({
        method,
        url,
        // What is checked of it costs more than the rest of it.
        validate: false,
        remoteAddress: outer.ip,
        headers: {
          ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: body }),
      })
      // Asked for here and now: a promise that is awaited elsewhere would begin there, where nothing is expected.
      .then((answer) => ({ status: answer.statusCode, headers: answer.headers, text: answer.payload })),
  );
}

/** What the request is a part of; undefined for every request that came from outside, whatever it says of itself. */
export function innerPurpose(request: FastifyRequest): InnerPurpose | undefined {
  const purpose = expected.getStore();
  return purpose !== undefined && purpose.method === request.method && purpose.url === request.raw.url
    ? purpose
    : undefined;
}
