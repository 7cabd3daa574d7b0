import { DirectoryError, type Json, type RequestKind } from "@rollcall/core/domain";
import type { FastifyRequest } from "fastify";
import { readChanges } from "./dialect.ts";
import { type Caller, callerOf } from "./scim-door.ts";
import { listenTo } from "./speaker.ts";
import { readUserBody } from "./user-body.ts";

/** What a request asks for, as far as its kind depends on it. */
export type Asked = {
  readonly method: string;
  /** The resource type's endpoint and the resource, where the path names one. */
  readonly type: string | undefined;
  readonly id: string | undefined;
  readonly body: Json | undefined;
};

/** The kind of a request. One that cannot be understood is a write: it will be refused as what it is. */
export function kindOf(caller: Caller, { method, type, id, body }: Asked): RequestKind {
  if (method === "GET" || method === "HEAD" || type === ".search" || id === ".search") return "reads";
  const userId = type === "Me" ? caller.userId : type === "Users" ? id : undefined;
  if (userId === undefined) return "writes";
  return method === "DELETE" || takesAccess(caller, method, userId, body) ? "denials" : "writes";
}

/** The same of a request as it arrived. */
export function kindOfRequest(request: FastifyRequest): RequestKind {
  const { prefix } = request.server;
  const [path = ""] = request.url.split("?", 1);
  const [type, id] = decodeURIComponent(path.slice(prefix.length))
    .split("/")
    .filter((part) => part !== "");
  return kindOf(callerOf(request), { method: methodOf(request), type, id, body: request.body as Json | undefined });
}

function methodOf(request: FastifyRequest): string {
  const override = request.headers["x-http-method-override"];
  const tunnels = request.method === "POST" && callerOf(request).profile.methodOverride === "permit";
  return tunnels && typeof override === "string" ? override : request.method;
}

// Whatever the dialect, and whatever else the same request changes: the last word on `active` is no.
function takesAccess(caller: Caller, method: string, id: string, body: Json | undefined): boolean {
  try {
    if (method === "PUT") return !readUserBody(caller.schemas.user, body).active;
    if (method !== "PATCH") return false;
    const { speaker } = listenTo(caller.profile);
    const changes = readChanges(caller.schemas.user, id, body, undefined, speaker);
    const last = changes.findLast(({ target }) => target.urn === undefined && target.attribute.name === "active");
    return last !== undefined && last.kind !== "remove" && last.value === false;
  } catch (error) {
    if (error instanceof DirectoryError) return false;
    throw error;
  }
}
