import type { JsonObject, Page, PageRequest, ResourceKind } from "@rollcall/core/domain";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type ListParameters, readQuery, readSearchRequest } from "./list-parameters.ts";
import { type ListRequest, readListRequest } from "./list-request.ts";
import { openTurn } from "./page-cursor.ts";
import type { Collection } from "./resource-routes.ts";
import { answer, type Caller, callerOf, listBody, type ScimDoor } from "./scim-door.ts";
import { showListed } from "./show-listed.ts";

/** `GET /Users`, `GET /Groups`, and `GET /` for both (RFC 7644 §3.4.2). */
export function listResources(
  door: ScimDoor,
  kinds: readonly ResourceKind[],
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  return answerList(door, kinds, readQuery(request.query), request, reply);
}

/** `POST …/.search` (RFC 7644 §3.4.3): the same question, for whoever keeps it out of a URL. */
export function searchResources(
  door: ScimDoor,
  kinds: readonly ResourceKind[],
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  return answerList(door, kinds, readSearchRequest(request.body), request, reply);
}

async function answerList(
  door: ScimDoor,
  kinds: readonly ResourceKind[],
  parameters: ListParameters,
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const schemas = kinds.map((kind) => (kind === "User" ? caller.schemas.user : caller.schemas.group));
  const asked = readListRequest(schemas, parameters, door.locations.base);
  const found = await door.lists.list(caller.tenantId, caller.connectionId, asked.listing, pageOf(door, caller, asked));
  const resources = await showListed(door, caller, found.resources, asked.projections);
  return answer(reply, 200, bodyOf(door, caller, asked, found, resources));
}

/** A cursor's walk goes on for the list it was given out for, and for no other. */
function listOf({ tenantId, connectionId }: Caller, { listing }: ListRequest): string {
  return JSON.stringify([tenantId, connectionId, listing.parts, listing.sort]);
}

function pageOf(door: ScimDoor, caller: Caller, asked: ListRequest): PageRequest {
  const { page } = asked;
  if (page.by === "index") return page;
  if (page.cursor === "") return { by: "place", side: "after", place: undefined, count: page.count, total: undefined };
  return { by: "place", ...openTurn(door.cursors, listOf(caller, asked), page.cursor, page.count) };
}

function bodyOf(
  { cursors }: ScimDoor,
  caller: Caller,
  asked: ListRequest,
  { total, next, previous }: Page,
  resources: readonly JsonObject[],
): object {
  const { page } = asked;
  if (page.by === "index") return listBody(total, page.startIndex, resources);

  const list = listOf(caller, asked);
  const { startIndex: _none, ...body } = listBody(total, 1, resources);
  const turn = { count: page.count, total };
  return {
    ...body,
    // A page of nothing leads nowhere.
    ...(next === undefined || page.count === 0
      ? {}
      : { nextCursor: cursors.seal(list, { ...turn, side: "after", place: next }) }),
    ...(previous === undefined
      ? {}
      : { previousCursor: cursors.seal(list, { ...turn, side: "before", place: previous }) }),
  };
}
