import type { FastifyReply, FastifyRequest } from "fastify";
import { readListRequest } from "./list-request.ts";
import type { Collection } from "./resource-routes.ts";
import { answer, callerOf, listBody, type ScimDoor } from "./scim-door.ts";
import { showGroups, showUsers } from "./show.ts";

/** `GET /Users` (RFC 7644 §3.4.2). */
export async function listUsers(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { filter, page, projection } = readListRequest(caller.schemas.user, request.query);
  const { total, resources } = await door.users.list(caller.tenantId, caller.connectionId, filter, page);
  return answer(reply, 200, listBody(total, page.startIndex, await showUsers(door, caller, resources, projection)));
}

/** `GET /Groups` (RFC 7644 §3.4.2). */
export async function listGroups(
  door: ScimDoor,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { filter, page, projection } = readListRequest(caller.schemas.group, request.query);
  const { total, resources } = await door.groups.list(caller.tenantId, caller.connectionId, filter, page);
  return answer(reply, 200, listBody(total, page.startIndex, await showGroups(door, caller, resources, projection)));
}
