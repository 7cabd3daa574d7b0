import type { TiedTwin as Twin } from "../harness/tied-twin.ts";
import { admin, house, reaching, type Row } from "./isolation-rows.ts";

const tenants = "/v1/admin/tenants";

/** A connection of a tenant's own, made for the request; the other's is not found. */
const connection = (rest: string, body?: unknown): Row => ({
  token: "admin",
  own: async ({ slug, spareConnection }) => ({
    path: `${tenants}/${slug}/connections/${await spareConnection()}${rest}`,
    body,
  }),
  foreign: ({ slug }, { connectionId }) => ({ path: `${tenants}/${slug}/connections/${connectionId}${rest}`, body }),
});

/** The rows of who may ask, what was done, and what was accepted. */
export const adminRows: Readonly<Record<string, Row>> = {
  "GET /v1/admin/openapi.json": { token: undefined, own: () => ({ path: "/v1/admin/openapi.json" }) },
  "GET /v1/admin/login/methods": { token: undefined, own: () => ({ path: "/v1/admin/login/methods" }) },
  // They lead to an identity provider and back: login.test.ts tells whose session comes of it.
  "GET /v1/admin/login/start": { token: undefined },
  "GET /v1/admin/login/callback": { token: undefined },
  "POST /v1/admin/login/token": {
    token: undefined,
    own: ({ adminToken }) => ({ path: "/v1/admin/login/token", body: { token: adminToken } }),
  },
  "POST /v1/admin/logout": {
    token: undefined,
    own: async ({ spareSession }) => ({
      path: "/v1/admin/logout",
      headers: {
        cookie: `rollcall_session=${await spareSession()}`,
        "x-rollcall-request": "1",
        origin: "https://rollcall.test",
      },
    }),
  },
  "GET /v1/admin/me": { token: "admin", own: () => ({ path: "/v1/admin/me" }) },
  "GET /v1/admin/audit": house(() => "/v1/admin/audit"),
  "GET /v1/admin/tenants/:tenant/audit": admin(() => "/audit"),
  "GET /v1/admin/tenants/:tenant/events": reaching(
    admin(() => "/events"),
    ({ connectionId }) => `/events?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/events/:event": reaching(
    admin(({ deadLetter }) => `/events/${deadLetter}`),
    ({ deadLetter }) => `/events/${deadLetter}`,
  ),
  "GET /v1/admin/tenants/:tenant/groups": reaching(
    admin(() => "/groups?name=sa"),
    ({ connectionId }) => `/groups?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/groups/:id": groupOf(""),
  "GET /v1/admin/tenants/:tenant/groups/:id/members": groupOf("/members"),
  // Its own answer has no end: admin-lists.test.ts tells what is in it.
  "GET /v1/admin/tenants/:tenant/stream": {
    token: "admin",
    foreign: (_self, { slug }) => ({ path: `${tenants}/${slug}/stream` }),
  },
  "POST /v1/admin/tenants/:tenant/connections/:connection/pause": connection("/pause", {}),
  "POST /v1/admin/tenants/:tenant/connections/:connection/resume": {
    ...connection("/resume", {}),
    own: async ({ slug, sparePaused }) => ({
      path: `${tenants}/${slug}/connections/${await sparePaused()}/resume`,
      body: {},
    }),
  },
  "POST /v1/admin/tenants/:tenant/connections/:connection/test": connection("/test", {}),
  "DELETE /v1/admin/tenants/:tenant/connections/:connection": connection(""),
};

function groupOf(rest: string): Row {
  const path = ({ groupId }: Twin): string => `/groups/${groupId}${rest}`;
  return reaching(admin(path), path);
}
