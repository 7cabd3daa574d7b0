import type { Connection, DialectProfile } from "@rollcall/core/domain";
import type { DirectoryLists, GroupDirectory, Sender, UserDirectory, Written } from "@rollcall/core/store";
import type { FastifyReply, FastifyRequest } from "fastify";
import { acceptedType } from "./accept.ts";
import type { Admission } from "./admission.ts";
import type { PageCursors } from "./page-cursor.ts";
import type { Locations } from "./resource-location.ts";
import type { SchemasOf } from "./connection-schemas.ts";
import type { ConnectionSchemas } from "./schema.ts";

/** What the SCIM routes are built from. */
export type ScimDeps = {
  readonly users: UserDirectory;
  readonly groups: GroupDirectory;
  readonly lists: DirectoryLists;
  readonly cursors: PageCursors;
  authenticate(token: string): Promise<KnownToken | undefined>;
  readonly admission: Admission;
  /** What resources are and were unique by, by their ids. */
  resourceNames(
    tenantId: string,
    connectionId: string,
    ids: readonly string[],
  ): Promise<ReadonlyMap<string, readonly string[]>>;
  /** Makes one transaction of everything that the work writes to this tenant's directory. */
  together<Result>(tenantId: string, work: () => Promise<Result>): Promise<Result>;
  /** What a connection's resources may hold. */
  readonly schemasOf: SchemasOf;
  /** Wakes the workers of lanes. It is called after the commit and nobody waits for it. */
  wake(lanes: readonly number[], denying: boolean): void;
  readonly publicUrl: string;
  newId(): string;
};

/** Whom a token speaks for: a connection, or one of its users alone. */
export type KnownToken = {
  readonly tenantId: string;
  readonly connection: Connection;
  readonly userId: string | undefined;
};

/** The routes' surroundings: what was given, and where resources are found. */
export type ScimDoor = ScimDeps & { readonly locations: Locations };

/** Whose directory a request is about, by its token alone, and what its resources may hold. */
export type Caller = {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly connection: Connection;
  /** The one user that the token speaks for; undefined where it speaks for the connection. */
  readonly userId: string | undefined;
  /** How this request is read and answered. */
  readonly profile: DialectProfile;
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
export function wakeLanes(door: ScimDoor, { lanes, denying }: Pick<Written<unknown>, "lanes" | "denying">): void {
  if (lanes.length > 0) door.wake(lanes, denying);
}

/** Answers in SCIM's media type (RFC 7644 §3.1), or in plain JSON's where the sender asks for that. */
export function answer(reply: FastifyReply, status: number, body: object): FastifyReply {
  const mediaType = acceptedType(reply.request.headers.accept) ?? "application/scim+json";
  reply.code(status).type(`${mediaType}; charset=utf-8`).header("vary", "accept");
  return reply.send(JSON.stringify(body));
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
