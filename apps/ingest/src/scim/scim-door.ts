import type { Connection } from "@rollcall/core/domain";
import type { GroupDirectory, Sender, UserDirectory } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Locations } from "./resource-location.ts";
import type { ConnectionSchemas } from "./schema.ts";

/** What the SCIM routes are built from. */
export type ScimDeps = {
  readonly users: UserDirectory;
  readonly groups: GroupDirectory;
  authenticate(token: string): Promise<{ readonly tenantId: string; readonly connection: Connection } | undefined>;
  /** Wakes the workers of lanes. It is called after the commit and nobody waits for it. */
  wake(lanes: readonly number[]): void;
  readonly publicUrl: string;
  newId(): string;
};

/** The routes' surroundings: what was given, and where resources are found. */
export type ScimDoor = ScimDeps & { readonly locations: Locations };

/** Whose directory a request is about, by its token alone, and what its resources may hold. */
export type Caller = {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly connection: Connection;
  readonly schemas: ConnectionSchemas;
};

export const callerDecorator = "scimCaller";

/** The caller that the authentication hook found. */
export function callerOf(request: FastifyRequest): Caller {
  return request.getDecorator<Caller>(callerDecorator);
}

/** The sender of one request's events; one id however often the write is tried. */
export function senderOf(door: ScimDoor, caller: Caller): Sender {
  return { connectionId: caller.connectionId, requestId: door.newId() };
}

/** Wakes lanes after a commit, where there is anything to wake. */
export function wakeLanes(door: ScimDoor, lanes: readonly number[]): void {
  if (lanes.length > 0) door.wake(lanes);
}

/** Answers in SCIM's media type (RFC 7644 §3.1). */
export function answer(reply: FastifyReply, status: number, body: object): FastifyReply {
  return reply.code(status).type("application/scim+json; charset=utf-8").send(JSON.stringify(body));
}

/** RFC 7644 §3.4.2: a page, and how many there are in all. */
export function listBody(total: number, startIndex: number, resources: readonly object[]) {
  return {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
    totalResults: total,
    startIndex,
    itemsPerPage: resources.length,
    Resources: resources,
  };
}
