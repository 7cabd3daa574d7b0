import type { FastifyReply, FastifyRequest } from "fastify";
import { type Conditions, isKnown, requireConditions } from "./precondition.ts";
import { applied, returnPreference } from "./preference.ts";
import type { Projection } from "./projection.ts";
import { tagOf } from "./resource.ts";
import type { Collection } from "./resource-routes.ts";
import { answer } from "./scim-door.ts";
import type { Shown } from "./show.ts";

/** Answers a read of one resource (RFC 7644 §3.4.1), and with 304 whoever has it already. */
export async function answerRead(
  request: Pick<FastifyRequest, "headers">,
  reply: FastifyReply,
  shown: Shown,
  projection: Projection,
): Promise<FastifyReply> {
  const resource = await shown.whole(projection.shows(shown.edges));
  const tag = tagOf(resource);
  locate(reply, shown, tag);
  if (isKnown(request.headers["if-none-match"], tag)) return reply.code(304).send();
  return answer(reply, 200, projection.apply(resource));
}

/**
 * Answers a write with what came of it, or with no more than its tag where the sender prefers that
 * (RFC 7240 §4.2) and asks for no attributes, with which it must be answered (RFC 7644 §3.5.2).
 */
export async function answerWritten(
  request: FastifyRequest<Collection>,
  reply: FastifyReply,
  status: 200 | 201,
  shown: Shown,
  projection: Projection,
): Promise<FastifyReply> {
  const preferred = returnPreference(request);
  const preference = preferred === "minimal" && request.query["attributes"] !== undefined ? undefined : preferred;
  if (preference !== undefined) applied(reply, preference);
  if (preference === "minimal") return answerBriefly(reply, status === 201 ? 201 : 204, shown);
  const resource = await shown.whole(projection.shows(shown.edges));
  locate(reply, shown, tagOf(resource));
  return answer(reply, status, projection.apply(resource));
}

// RFC 7643 §3.1: what is answered says where it is in `meta.location`, and in Content-Location the same.
function locate(reply: FastifyReply, { location }: Shown, tag: string): void {
  reply.headers({ etag: tag, location, "content-location": location });
}

/** Answers a write without a body: whoever goes on from it has its tag, and memberships were not looked at. */
export function answerBriefly(reply: FastifyReply, status: 201 | 204, { ownTag, location }: Shown): FastifyReply {
  return reply.code(status).header("etag", ownTag).header("location", location).send();
}

/** Throws `version_conflict` where a write's conditions do not hold of the resource as it is. */
export function requireConditionsOf(headers: Conditions, shown: Shown): Promise<void> {
  return requireConditions(headers, { own: shown.ownTag, whole: async () => tagOf(await shown.whole(true)) });
}
