import type { Twin } from "../harness/twin.ts";
import { admin, reaching, type Row } from "./isolation-rows.ts";

const note = () => ({ note: "they have left" });

/** An act on a listing of its own that waits for a person. */
const acting = (rest: string, body: () => unknown): Row =>
  reaching(
    {
      token: "admin",
      own: async (self: Twin) => {
        const id = await self.sparePull("braked");
        return { path: `/v1/admin/tenants/${self.slug}/pulls/${id}${rest}`, body: body() };
      },
    },
    ({ pullId }) => `/pulls/${pullId}${rest}`,
    body,
  );

const shown = (rest: string): Row =>
  reaching(
    admin(({ pullId }) => `/pulls/${pullId}${rest}`),
    ({ pullId }) => `/pulls/${pullId}${rest}`,
  );

/** The rows of listings and canaries. */
export const pullRows: Readonly<Record<string, Row>> = {
  "POST /v1/admin/tenants/:tenant/connections/:connection/pulls": reaching(
    {
      token: "admin",
      own: async (self: Twin) => {
        await self.sparePull("none");
        return { path: `/v1/admin/tenants/${self.slug}/connections/idp/pulls`, body: { dryRun: true } };
      },
    },
    ({ connectionId }) => `/connections/${connectionId}/pulls`,
    () => ({ dryRun: true }),
  ),
  "GET /v1/admin/tenants/:tenant/pulls": reaching(
    admin(() => "/pulls?connection=idp"),
    ({ connectionId }) => `/pulls?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/pulls/:id": shown(""),
  "GET /v1/admin/tenants/:tenant/pulls/:id/differences": shown("/differences"),
  "POST /v1/admin/tenants/:tenant/pulls/:id/release": acting("/release", note),
  "POST /v1/admin/tenants/:tenant/pulls/:id/cancel": acting("/cancel", () => ({})),
  "POST /v1/admin/tenants/:tenant/connections/:connection/canary": reaching(
    admin(
      () => "/connections/idp/canary",
      () => ({ everySec: 3_600 }),
    ),
    ({ connectionId }) => `/connections/${connectionId}/canary`,
    () => ({ everySec: 3_600 }),
  ),
  "GET /v1/admin/tenants/:tenant/canaries": admin(() => "/canaries"),
};
