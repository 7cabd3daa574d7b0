import { type DirectoryGroup, isId } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound } from "./conditional-write.ts";
import { readChanges } from "./dialect.ts";
import { readGroupBody } from "./group-body.ts";
import { readMemberChanges } from "./group-members.ts";
import { type GroupPlan, planGroupPatch } from "./group-patch.ts";
import { readQueryProjection } from "./list-request.ts";
import { listResources } from "./list-resources.ts";
import { tunnelled } from "./method-override.ts";
import { replacedExtensions, requireExtensionValues, requirePatchedExtensions } from "./extension-rules.ts";
import { conditionIn } from "./precondition.ts";
import { applied, returnPreference } from "./preference.ts";
import { writtenIn } from "./projection.ts";
import { removeOnce } from "./repeated-removal.ts";
import { answerBriefly, answerRead, answerWritten, requireConditionsOf } from "./resource-answer.ts";
import type { Collection, One } from "./resource-routes.ts";
import { sameJson } from "./same-json.ts";
import { type Caller, callerOf, type ScimDoor, senderOf, wakeLanes } from "./scim-door.ts";
import { shownGroup } from "./show.ts";
import { listenTo } from "./speaker.ts";
import { unknownNames } from "./unknown-names.ts";
import { warnOfNames } from "./warning.ts";

/** `/Groups` and `/Groups/{id}` (RFC 7644 §3.3–3.6). */
export function groupRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const url of ["/Groups", "/Groups/"]) {
    app.get<Collection>(url, (request, reply) => listResources(door, ["Group"], request, reply));
    app.post<Collection>(url, (request, reply) => createGroup(door, request, reply));
  }
  for (const url of ["/Groups/:id", "/Groups/:id/"]) {
    app.get<One>(url, (request, reply) => readGroup(door, request, reply));
    app.put<One>(url, (request, reply) => replaceGroup(door, request, reply));
    app.patch<One>(url, (request, reply) => patchGroup(door, request, reply));
    app.delete<One>(url, (request, reply) => removeGroup(door, request, reply));
    app.post<One>(
      url,
      tunnelled({
        PUT: (request, reply) => replaceGroup(door, request, reply),
        PATCH: (request, reply) => patchGroup(door, request, reply),
        DELETE: (request, reply) => removeGroup(door, request, reply),
      }),
    );
  }
}

async function createGroup(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { attributes, members } = readGroupBody(caller.schemas.group, request.body);
  warnOfNames(request, reply, caller, unknownNames(caller.schemas.group, request.body));
  requireExtensionValues(caller.schemas.group, attributes);
  const named = writtenIn(caller.schemas.group, attributes);
  const projection = readQueryProjection(caller.schemas.group, request.query).withWritten(named);
  const written = await door.groups.create(caller.tenantId, senderOf(door, caller), attributes, members ?? []);
  wakeLanes(door, written);
  return answerWritten(request, reply, 201, shownGroup(door, caller, written.resource), projection);
}

async function readGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const projection = readQueryProjection(caller.schemas.group, request.query);
  const group = await found(door, caller, request.params.id);
  return answerRead(request, reply, shownGroup(door, caller, group), projection);
}

async function replaceGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const schema = caller.schemas.group;
  const { attributes, members } = readGroupBody(schema, request.body);
  warnOfNames(request, reply, caller, unknownNames(schema, request.body));
  const projection = readQueryProjection(schema, request.query).withWritten(writtenIn(schema, attributes));
  const named = members ?? (caller.profile.putWithoutMembers === "empty" ? [] : undefined);
  const group = await changeGroup(door, request, {
    attributes: (held) => {
      const replaced = replacedExtensions(schema, held, attributes);
      return sameJson(replaced, held) ? undefined : replaced;
    },
    // A body that is silent about members came from a sender who left them out to keep it small, or
    // from one of whom the last member has left: its profile says which.
    members: named === undefined ? [] : [{ kind: "replace", values: named }],
  });
  return answerWritten(request, reply, 200, shownGroup(door, caller, group), projection);
}

// 204 where the sender bears it, as Entra asks for: the answer must not cost the group's size.
async function patchGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { speaker, names } = listenTo(caller.profile);
  const changes = readChanges(caller.schemas.group, request.params.id, request.body, readMemberChanges, speaker);
  const projection = readQueryProjection(caller.schemas.group, request.query);
  warnOfNames(request, reply, caller, names);
  const plan = planGroupPatch(changes);
  const group = await changeGroup(door, request, {
    ...plan,
    attributes: (held) => {
      const patched = plan.attributes(held);
      if (patched !== undefined) requirePatchedExtensions(caller.schemas.group, held, patched);
      return patched;
    },
  });
  const shown = shownGroup(door, caller, group);
  // RFC 7644 §3.5.2: whoever asks for attributes is answered with them.
  const asked = request.query["attributes"] !== undefined || returnPreference(request) === "representation";
  if (asked || (caller.profile.groupPatchAnswer === "200" && returnPreference(request) === undefined))
    return answerWritten(request, reply, 200, shown, projection.withWritten(changes.map(({ target }) => target)));
  if (returnPreference(request) === "minimal") applied(reply, "minimal");
  return answerBriefly(reply, 204, shown);
}

async function removeGroup(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { id } = request.params;
  if (!isId(id)) throw notFound();
  const expected = conditionIn(request.headers) !== undefined ? await found(door, caller, id) : undefined;
  if (expected !== undefined) await requireConditionsOf(request.headers, shownGroup(door, caller, expected));
  const removed = await removeOnce(caller, {
    remove: () => door.groups.remove(caller.tenantId, senderOf(door, caller), id, expected?.version),
    wasRemoved: () => door.groups.wasRemoved(caller.tenantId, caller.connectionId, id),
  });
  if (removed !== undefined) wakeLanes(door, removed);
  return reply.code(204).send();
}

// What is to become of the attributes is decided under the group's lock, so that a rename needs no
// version and cannot be overtaken: Entra changes one group by many requests at once.
async function changeGroup(door: ScimDoor, request: FastifyRequest<One>, plan: GroupPlan): Promise<DirectoryGroup> {
  const caller = callerOf(request);
  const { id } = request.params;
  if (!isId(id)) throw notFound();
  const expected = conditionIn(request.headers) !== undefined ? await found(door, caller, id) : undefined;
  if (expected !== undefined) await requireConditionsOf(request.headers, shownGroup(door, caller, expected));
  const change = expected === undefined ? plan : { ...plan, expectedVersion: expected.version };
  const written = await door.groups.change(caller.tenantId, senderOf(door, caller), id, change);
  wakeLanes(door, written);
  return written.resource;
}

async function found(door: ScimDoor, caller: Caller, id: string): Promise<DirectoryGroup> {
  const group = isId(id) ? await door.groups.find(caller.tenantId, caller.connectionId, id) : undefined;
  if (group === undefined) throw notFound();
  return group;
}
