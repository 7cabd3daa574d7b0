import { isId } from "@rollcall/core/domain";
import { findConnection, hasGroup, listParkedMembers } from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, isStorable, notFound, tenantOf } from "./admin-door.ts";
import { moment, pageOf, uuid } from "./answer-shapes.ts";
import { id, pageQueryOf, read, text } from "./requests.ts";

type Cursor = { readonly groupId: string; readonly value: string };

const cursor = z.string().max(4_000).transform(decodeCursor);
const listQuery = z.strictObject({ ...pageQueryOf(cursor), connection: text(64).optional(), group: id.optional() });

const parked = z.object({
  groupId: uuid,
  groupName: z.string(),
  connectionId: uuid,
  value: z.string(),
  since: moment,
  ageMs: z.number(),
});

/** Members that came before their user: whom each group still waits for, and since when. */
export function parkedRoutes(app: FastifyInstance, door: AdminDoor): void {
  app.get(
    "/tenants/:tenant/parked",
    about({
      role: "viewer",
      summary: "List members that came before their user",
      query: listQuery,
      answer: pageOf(parked).extend({ total: z.int() }),
    }),
    async (request) => {
      const tenant = await tenantOf(door, request);
      const { connection: named, group: groupId, after, limit } = read(listQuery, request.query);
      const connection = named === undefined ? undefined : await findConnection(door.database, tenant.id, named);
      if (named !== undefined && connection === undefined) throw notFound();
      if (groupId !== undefined && !(await hasGroup(door.database, tenant.id, groupId))) throw notFound();
      const query = { connectionId: connection?.id, groupId, after, limit };
      const { items, total, next } = await listParkedMembers(door.database, tenant.id, query);
      return { total, items, next: next && encodeCursor(next) };
    },
  );
}

function encodeCursor({ groupId, value }: Cursor): string {
  return Buffer.from(`${groupId}${value}`).toString("base64url");
}

const idLength = 36;

function decodeCursor(text: string, context: z.core.$RefinementCtx): Cursor {
  const decoded = Buffer.from(text, "base64url").toString("utf8");
  const [groupId, value] = [decoded.slice(0, idLength), decoded.slice(idLength)];
  if (!isId(groupId) || !isStorable(value)) {
    context.addIssue({ code: "custom", message: "must be what the page before answered as next" });
    return z.NEVER;
  }
  return { groupId, value };
}
