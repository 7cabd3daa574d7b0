import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type InnerRequest, sendInner } from "./inner-request.ts";
import { answer, callerOf, type ScimDoor } from "./scim-door.ts";
import { scimErrorBody } from "./scim-error.ts";

const passedOn = ["if-match", "if-none-match", "accept", "prefer"] as const;
const givenBack = ["content-type", "etag", "warning", "retry-after", "preference-applied"] as const;

/** `/Me` (RFC 7644 §3.11): the user that the token was issued for, through that user's own routes. */
export function meRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const url of ["/Me", "/Me/"]) {
    app.get(url, (request, reply) => asUser(app, door, request, reply, "GET"));
    app.put(url, (request, reply) => asUser(app, door, request, reply, "PUT"));
    app.patch(url, (request, reply) => asUser(app, door, request, reply, "PATCH"));
    app.delete(url, (request, reply) => asUser(app, door, request, reply, "DELETE"));
  }
}

async function asUser(
  app: FastifyInstance,
  door: ScimDoor,
  request: FastifyRequest,
  reply: FastifyReply,
  method: InnerRequest["method"],
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { userId } = caller;
  // The alias is served, and this token has nothing that it could stand for (RFC 7644 §3.12, 404).
  if (userId === undefined) {
    return answer(reply, 404, scimErrorBody(404, "this token speaks for no user: issue one that names a user for /Me"));
  }
  const [, query] = request.url.split("?", 2);
  const { status, headers, text } = await sendInner(
    app,
    request,
    { part: "me", caller, hasTurn: false },
    {
      method,
      path: `/Users/${userId}${query === undefined ? "" : `?${query}`}`,
      headers: preferencesOf(request),
      body: request.body === undefined || request.body === null ? undefined : JSON.stringify(request.body),
    },
  );
  for (const name of givenBack) if (typeof headers[name] === "string") reply.header(name, headers[name]);
  // RFC 7644 §3.11: in any answer, the permanent location of what the alias stands for.
  reply.code(status).header("location", door.locations.user(userId));
  return text === "" ? reply.send() : reply.send(text);
}

function preferencesOf(request: FastifyRequest): { readonly [name: string]: string } {
  const given = passedOn.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return Object.fromEntries(given);
}
