import { houseFeedId, listRefusals, type RefusalCursor, refusalCursor } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, operatorOf, tenantOf } from "./admin-door.ts";
import { pageOf } from "./answer-shapes.ts";
import { refusalShape } from "./explain-shapes.ts";
import { shownRefusal } from "./refusal-view.ts";
import { pageQueryOf, read, text } from "./requests.ts";

const moment = z.iso.datetime({ offset: true }).transform((value) => new Date(value));
const cursor = z.string().transform((value, context): RefusalCursor => {
  const place = refusalCursor(value);
  if (place === undefined) context.addIssue({ code: "custom", message: "must be the `next` of the page before" });
  return place ?? { at: new Date(0), id: 0 };
});
const listQuery = z.strictObject({
  ...pageQueryOf(cursor),
  from: moment.optional(),
  to: moment.optional(),
  reason: text(64).optional(),
  gateway: text(2_048).optional(),
});
const listing = { role: "viewer", query: listQuery, answer: pageOf(refusalShape) } as const;

/** What gateways told of whom they refused: of a tenant's tokens, and for the operators of the house what nobody could tell whose it was. */
export function refusalRoutes(app: FastifyInstance, door: AdminDoor): void {
  const list = async (tenantId: string, given: unknown) => {
    const { after, limit, ...query } = read(listQuery, given);
    const { items, next } = await listRefusals(door.database, tenantId, query, { after, limit });
    return { items: items.map(shownRefusal), next };
  };
  const summary = "List what gateways told of whom they refused, the newest first";
  app.get("/tenants/:tenant/refusals", about({ ...listing, summary }), async (request) =>
    list((await tenantOf(door, request)).id, request.query),
  );
  const ofHouse = "List the refusals of which no gateway could tell whose token it was";
  app.get("/refusals", about({ ...listing, scope: "house", summary: ofHouse }), async (request) => {
    operatorOf(request);
    return list(houseFeedId, request.query);
  });
}
