import { type DirectoryUser, isId, type UserAttributes } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { notFound, writeUnlessRaced } from "./conditional-write.ts";
import { readChanges } from "./dialect.ts";
import { readQueryProjection } from "./list-request.ts";
import { listResources } from "./list-resources.ts";
import { keepToOwn } from "./me-attributes.ts";
import { tunnelled } from "./method-override.ts";
import { checkNewUserName } from "./new-user-name.ts";
import { replacedExtensions, requireExtensionValues, requirePatchedExtensions } from "./extension-rules.ts";
import { conditionIn } from "./precondition.ts";
import { type Named, writtenIn } from "./projection.ts";
import { removeOnce } from "./repeated-removal.ts";
import { answerRead, answerWritten, requireConditionsOf } from "./resource-answer.ts";
import type { Collection, One } from "./resource-routes.ts";
import { sameJson } from "./same-json.ts";
import { type Caller, callerOf, type ScimDoor, senderOf, wakeLanes } from "./scim-door.ts";
import { shownUser } from "./show.ts";
import { listenTo } from "./speaker.ts";
import { unknownNames } from "./unknown-names.ts";
import { readUserBody } from "./user-body.ts";
import { applyUserPatch } from "./user-patch.ts";
import { warnOfNames } from "./warning.ts";

/** `/Users` and `/Users/{id}` (RFC 7644 §3.3–3.6). */
export function userRoutes(app: FastifyInstance, door: ScimDoor): void {
  for (const url of ["/Users", "/Users/"]) {
    app.get<Collection>(url, (request, reply) => listResources(door, ["User"], request, reply));
    app.post<Collection>(url, (request, reply) => createUser(door, request, reply));
  }
  for (const url of ["/Users/:id", "/Users/:id/"]) {
    app.get<One>(url, (request, reply) => readUser(door, request, reply));
    app.put<One>(url, (request, reply) => replaceUser(door, request, reply));
    app.patch<One>(url, (request, reply) => patchUser(door, request, reply));
    app.delete<One>(url, (request, reply) => removeUser(door, request, reply));
    app.post<One>(
      url,
      tunnelled({
        PUT: (request, reply) => replaceUser(door, request, reply),
        PATCH: (request, reply) => patchUser(door, request, reply),
        DELETE: (request, reply) => removeUser(door, request, reply),
      }),
    );
  }
}

async function createUser(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const attributes = readUserBody(caller.schemas.user, request.body);
  warnOfNames(request, reply, caller, unknownNames(caller.schemas.user, request.body));
  requireExtensionValues(caller.schemas.user, attributes);
  const projection = readQueryProjection(caller.schemas.user, request.query).withWritten(
    writtenIn(caller.schemas.user, attributes),
  );
  await checkNewUserName(door, caller, attributes, undefined);
  const written = await door.users.create(caller.tenantId, senderOf(door, caller), attributes);
  wakeLanes(door, written);
  return answerWritten(request, reply, 201, shownUser(door, caller, written.resource), projection);
}

async function readUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const projection = readQueryProjection(caller.schemas.user, request.query);
  const user = await found(door, caller, request.params.id, projection.shows("groups") ? "findWhole" : "find");
  return answerRead(request, reply, shownUser(door, caller, user), projection);
}

async function replaceUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  warnOfNames(request, reply, caller, unknownNames(caller.schemas.user, request.body));
  const schema = caller.schemas.user;
  return changeUser(door, request, reply, (user) => {
    const read = readUserBody(schema, request.body, user.attributes.active);
    const replaced = replacedExtensions(schema, user.attributes, read);
    return { attributes: keepToOwn(caller, user.attributes, replaced, "keeps"), written: writtenIn(schema, read) };
  });
}

async function patchUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { speaker, names } = listenTo(caller.profile);
  const changes = readChanges(caller.schemas.user, request.params.id, request.body, undefined, speaker);
  warnOfNames(request, reply, caller, names);
  return changeUser(door, request, reply, (user) => {
    const patched = applyUserPatch(user.attributes, changes);
    requirePatchedExtensions(caller.schemas.user, user.attributes, patched);
    const written = changes.map(({ target }) => target);
    return { attributes: keepToOwn(caller, user.attributes, patched, "removes"), written };
  });
}

async function removeUser(door: ScimDoor, request: FastifyRequest<One>, reply: FastifyReply): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { id } = request.params;
  if (!isId(id)) throw notFound();
  const expected = conditionIn(request.headers) !== undefined ? await found(door, caller, id) : undefined;
  if (expected !== undefined) await requireConditionsOf(request.headers, shownUser(door, caller, expected));
  const removed = await removeOnce(caller, {
    remove: () => door.users.remove(caller.tenantId, senderOf(door, caller), id, expected?.version),
    wasRemoved: () => door.users.wasRemoved(caller.tenantId, caller.connectionId, id),
  });
  if (removed !== undefined) wakeLanes(door, removed);
  return reply.code(204).send();
}

async function changeUser(
  door: ScimDoor,
  request: FastifyRequest<One>,
  reply: FastifyReply,
  next: (user: DirectoryUser) => { readonly attributes: UserAttributes; readonly written: readonly Named[] },
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const sender = senderOf(door, caller);
  const projection = readQueryProjection(caller.schemas.user, request.query);

  const { user, written } = await writeUnlessRaced(conditionIn(request.headers), async () => {
    const current = await found(door, caller, request.params.id);
    await requireConditionsOf(request.headers, shownUser(door, caller, current));
    const { attributes, written: names } = next(current);
    if (sameJson(attributes, current.attributes)) return { user: current, written: names };
    await checkNewUserName(door, caller, attributes, current.attributes);
    const changed = await door.users.replace(caller.tenantId, sender, current.id, current.version, attributes);
    wakeLanes(door, changed);
    return { user: changed.resource, written: names };
  });
  return answerWritten(request, reply, 200, shownUser(door, caller, user), projection.withWritten(written));
}

async function found(
  door: ScimDoor,
  caller: Caller,
  id: string,
  how: "find" | "findWhole" = "find",
): Promise<DirectoryUser> {
  const user = isId(id) ? await door.users[how](caller.tenantId, caller.connectionId, id) : undefined;
  if (user === undefined) throw notFound();
  return user;
}
