import { admin, type Row } from "./isolation-rows.ts";
import type { Twin } from "../harness/twin.ts";

const ofSource = (rest = "", body: () => unknown = () => undefined): Row => ({
  token: "admin",
  own: async ({ slug, spareSource }) => ({
    path: `/v1/admin/tenants/${slug}/sources/${await spareSource()}${rest}`,
    body: body(),
  }),
  foreign: ({ slug }: Twin, { sourceId }: Twin) => ({
    path: `/v1/admin/tenants/${slug}/sources/${sourceId}${rest}`,
    body: body(),
  }),
});

/** The rows of where events come from. A hook's address is all that says whose it is, and its signature who sends. */
export const sourceRows: Readonly<Record<string, Row>> = {
  "GET /hooks/:source": { token: undefined },
  "POST /hooks/:source": { token: undefined },
  "GET /v1/admin/tenants/:tenant/sources": admin(() => "/sources"),
  "POST /v1/admin/tenants/:tenant/sources": admin(
    () => "/sources",
    ({ connectionId }) => ({ connection: connectionId, kind: "webhook" }),
  ),
  "GET /v1/admin/tenants/:tenant/sources/:id": ofSource(),
  "PATCH /v1/admin/tenants/:tenant/sources/:id": ofSource("", () => ({ name: "changed" })),
  "DELETE /v1/admin/tenants/:tenant/sources/:id": ofSource(),
  "POST /v1/admin/tenants/:tenant/sources/:id/rotate": ofSource("/rotate", () => ({})),
  "GET /v1/admin/tenants/:tenant/sources/:id/events": ofSource("/events"),
};
