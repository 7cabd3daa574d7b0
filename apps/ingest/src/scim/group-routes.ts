import { type DirectoryGroup, isId } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound, writeUnlessRaced } from "./conditional-write.ts";
import { readChanges } from "./dialect.ts";
import { readGroupBody } from "./group-body.ts";
import { readMemberChanges } from "./group-members.ts";
import { type GroupPlan, planGroupPatch } from "./group-patch.ts";
import { readQueryProjection } from "./list-request.ts";
import { listGroups } from "./list-resources.ts";
import { isKnown, requireMatch } from "./precondition.ts";
import type { Projection } from "./projection.ts";
import { etagOf } from "./resource.ts";
import type { Collection, One } from "./resource-routes.ts";
import { sameJson } from "./same-json.ts";
import { answer, type Caller, callerOf, type ScimDoor, senderOf, wakeLanes } from "./scim-door.ts";
import { showGroups } from "./show.ts";

/** `/Groups` and `/Groups/{id}` (RFC 7644 §3.3–3.6). */
export function groupRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const url of ["/Groups", "/Groups/"]) {
    app.get<Collection>(url, (request, reply) => listGroups(door, request, reply));
    app.post<Collection>(url, (request, reply) => createGroup(door, request, reply));
  }
  for (const url of ["/Groups/:id", "/Groups/:id/"]) {
    app.get<One>(url, (request, reply) => readGroup(door, request, reply));
    app.put<One>(url, (request, reply) => replaceGroup(door, request, reply));
    app.patch<One>(url, (request, reply) => patchGroup(door, request, reply));
    app.delete<One>(url, (request, reply) => removeGroup(door, request, reply));
  }
}

async function createGroup(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { attributes, members } = readGroupBody(caller.schemas.group, request.body);
  const projection = readQueryProjection(caller.schemas.group, request.query);
  const { resource, lanes } = await door.groups.create(
    caller.tenantId,
    senderOf(door, caller),
    attributes,
    members ?? [],
  );
  wakeLanes(door, lanes);
  return answerGroup(door, caller, reply, 201, resource, projection);
}

async function readGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const projection = readQueryProjection(caller.schemas.group, request.query);
  const group = await found(door, caller, request.params.id);
  if (isKnown(request.headers["if-none-match"], group.version)) {
    return reply.code(304).header("etag", etagOf(group.version)).send();
  }
  return answerGroup(door, caller, reply, 200, group, projection);
}

async function replaceGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { attributes, members } = readGroupBody(caller.schemas.group, request.body);
  const projection = readQueryProjection(caller.schemas.group, request.query);
  const group = await changeGroup(door, request, (current) => ({
    ...(sameJson(attributes, current.attributes) ? {} : { attributes }),
    // A body that is silent about members came from a sender who left them out to keep it small.
    members: members === undefined ? [] : [{ kind: "replace", values: members }],
  }));
  return answerGroup(door, caller, reply, 200, group, projection);
}

// 204, as Entra asks for: the answer must not cost the group's size.
async function patchGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const changes = readChanges(callerOf(request).schemas.group, request.params.id, request.body, readMemberChanges);
  const group = await changeGroup(door, request, (current) => planGroupPatch(current.attributes, changes));
  return reply.code(204).header("etag", etagOf(group.version)).send();
}

async function removeGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { id } = request.params;
  const ifMatch = request.headers["if-match"];
  if (!isId(id)) throw notFound();
  const expected = ifMatch === undefined ? undefined : await found(door, caller, id);
  if (expected !== undefined) requireMatch(ifMatch, expected.version);
  const { lanes } = await door.groups.remove(caller.tenantId, senderOf(door, caller), id, expected?.version);
  wakeLanes(door, lanes);
  return reply.code(204).send();
}

async function changeGroup(
  door: ScimDoor,
  request: FastifyRequest<One>,
  plan: (group: DirectoryGroup) => GroupPlan,
): Promise<DirectoryGroup> {
  const caller = callerOf(request);
  const sender = senderOf(door, caller);
  const ifMatch = request.headers["if-match"];

  return writeUnlessRaced(ifMatch, async () => {
    const current = await found(door, caller, request.params.id);
    requireMatch(ifMatch, current.version);
    const planned = plan(current);
    if (planned.attributes === undefined && planned.members.length === 0) return current;
    // Edges alone need no version: Entra changes one group's members by many requests at once.
    const conditional = planned.attributes !== undefined || ifMatch !== undefined;
    const change = conditional ? { ...planned, expectedVersion: current.version } : planned;
    const { resource, lanes } = await door.groups.change(caller.tenantId, sender, current.id, change);
    wakeLanes(door, lanes);
    return resource;
  });
}

async function found(door: ScimDoor, caller: Caller, id: string): Promise<DirectoryGroup> {
  const group = isId(id) ? await door.groups.find(caller.tenantId, caller.connectionId, id) : undefined;
  if (group === undefined) throw notFound();
  return group;
}

async function answerGroup(
  door: ScimDoor,
  caller: Caller,
  reply: FastifyReply,
  status: number,
  group: DirectoryGroup,
  projection: Projection,
): Promise<FastifyReply> {
  const [resource = {}] = await showGroups(door, caller, [group], projection);
  reply.header("etag", etagOf(group.version)).header("location", door.locations.group(group.id));
  return answer(reply, status, resource);
}
