import { type DirectoryUser, isId, type UserAttributes } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound, writeUnlessRaced } from "./conditional-write.ts";
import { readChanges } from "./dialect.ts";
import { readQueryProjection } from "./list-request.ts";
import { listUsers } from "./list-resources.ts";
import { isKnown, requireMatch } from "./precondition.ts";
import type { Projection } from "./projection.ts";
import { etagOf } from "./resource.ts";
import type { Collection, One } from "./resource-routes.ts";
import { sameJson } from "./same-json.ts";
import { answer, type Caller, callerOf, type ScimDoor, senderOf, wakeLanes } from "./scim-door.ts";
import { showUsers } from "./show.ts";
import { readUserBody } from "./user-body.ts";
import { applyUserPatch } from "./user-patch.ts";

/** `/Users` and `/Users/{id}` (RFC 7644 §3.3–3.6). */
export function userRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const url of ["/Users", "/Users/"]) {
    app.get<Collection>(url, (request, reply) => listUsers(door, request, reply));
    app.post<Collection>(url, (request, reply) => createUser(door, request, reply));
  }
  for (const url of ["/Users/:id", "/Users/:id/"]) {
    app.get<One>(url, (request, reply) => readUser(door, request, reply));
    app.put<One>(url, (request, reply) => replaceUser(door, request, reply));
    app.patch<One>(url, (request, reply) => patchUser(door, request, reply));
    app.delete<One>(url, (request, reply) => removeUser(door, request, reply));
  }
}

async function createUser(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const attributes = readUserBody(caller.schemas.user, request.body);
  const projection = readQueryProjection(caller.schemas.user, request.query);
  const { resource, lanes } = await door.users.create(caller.tenantId, senderOf(door, caller), attributes);
  wakeLanes(door, lanes);
  return answerUser(door, caller, reply, 201, resource, projection);
}

async function readUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const projection = readQueryProjection(caller.schemas.user, request.query);
  const user = await found(door, caller, request.params.id);
  if (isKnown(request.headers["if-none-match"], user.version)) {
    return reply.code(304).header("etag", etagOf(user.version)).send();
  }
  return answerUser(door, caller, reply, 200, user, projection);
}

async function replaceUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  return changeUser(door, request, reply, (user) =>
    readUserBody(callerOf(request).schemas.user, request.body, user.attributes.active),
  );
}

async function patchUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const changes = readChanges(callerOf(request).schemas.user, request.params.id, request.body);
  return changeUser(door, request, reply, (user) => applyUserPatch(user.attributes, changes));
}

async function removeUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { id } = request.params;
  const ifMatch = request.headers["if-match"];
  if (!isId(id)) throw notFound();
  const expected = ifMatch === undefined ? undefined : await found(door, caller, id);
  if (expected !== undefined) requireMatch(ifMatch, expected.version);
  const { lanes } = await door.users.remove(caller.tenantId, senderOf(door, caller), id, expected?.version);
  wakeLanes(door, lanes);
  return reply.code(204).send();
}

async function changeUser(
  door: ScimDoor,
  request: FastifyRequest<One>,
  reply: FastifyReply,
  next: (user: DirectoryUser) => UserAttributes,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const sender = senderOf(door, caller);
  const ifMatch = request.headers["if-match"];
  const projection = readQueryProjection(caller.schemas.user, request.query);

  const user = await writeUnlessRaced(ifMatch, async () => {
    const current = await found(door, caller, request.params.id);
    requireMatch(ifMatch, current.version);
    const attributes = next(current);
    if (sameJson(attributes, current.attributes)) return current;
    const { resource, lanes } = await door.users.replace(
      caller.tenantId,
      sender,
      current.id,
      current.version,
      attributes,
    );
    wakeLanes(door, lanes);
    return resource;
  });
  return answerUser(door, caller, reply, 200, user, projection);
}

async function found(door: ScimDoor, caller: Caller, id: string): Promise<DirectoryUser> {
  const user = isId(id) ? await door.users.find(caller.tenantId, caller.connectionId, id) : undefined;
  if (user === undefined) throw notFound();
  return user;
}

async function answerUser(
  door: ScimDoor,
  caller: Caller,
  reply: FastifyReply,
  status: number,
  user: DirectoryUser,
  projection: Projection,
): Promise<FastifyReply> {
  const [resource = {}] = await showUsers(door, caller, [user], projection);
  reply.header("etag", etagOf(user.version)).header("location", door.locations.user(user.id));
  return answer(reply, status, resource);
}
