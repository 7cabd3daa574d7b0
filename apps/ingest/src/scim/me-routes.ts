import { DirectoryError } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type InnerRequest, sendInner } from "./inner-request.ts";
import { callerOf, type ScimDoor } from "./scim-door.ts";

const passedOn = ["if-match", "if-none-match", "accept", "prefer"] as const;
const givenBack = ["content-type", "content-location", "etag", "warning", "retry-after", "preference-applied"] as const;

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
  // RFC 7644 §3.11: 501 where the alias is not supported, and for this token it stands for nothing.
  if (userId === undefined) {
    throw new DirectoryError("not_implemented", "this token speaks for no user: issue one that names a user for /Me");
  }
  const { status, headers, text } = await sendInner(
    app,
    request,
    { part: "me", caller, hasTurn: false },
    {
      method,
      path: `/Users/${userId}${queryOf(request)}`,
      headers: preferencesOf(request),
      body: request.body === undefined || request.body === null ? undefined : JSON.stringify(request.body),
    },
  );
  for (const name of givenBack) if (typeof headers[name] === "string") reply.header(name, headers[name]);
  // RFC 7644 §3.11: in any answer, the permanent location of what the alias stands for.
  reply.code(status).header("location", door.locations.user(userId));
  return text === "" ? reply.send() : reply.send(text);
}

/** With its question mark, and with every other that is in it. */
function queryOf({ url }: FastifyRequest): string {
  const at = url.indexOf("?");
  return at === -1 ? "" : url.slice(at);
}

function preferencesOf(request: FastifyRequest): { readonly [name: string]: string } {
  const given = passedOn.flatMap((name) => {
    const value = request.headers[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  return Object.fromEntries(given);
}
