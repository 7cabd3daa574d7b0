import { newGroup, newUser, patch } from "../harness/tenant.ts";
import { newSchema, revocationId, twinIssuer, twinSubject } from "../harness/twin.ts";

import { adminRows } from "./isolation-admin.ts";
import { applicationRows } from "./isolation-applications.ts";
import { identityRows } from "./isolation-identity.ts";
import { lagRows } from "./isolation-lag.ts";
import { providerRows } from "./isolation-providers.ts";
import { pullRows } from "./isolation-pulls.ts";
import { resyncRows } from "./isolation-resyncs.ts";
import { sourceRows } from "./isolation-sources.ts";
import {
  scim,
  user,
  rename,
  receipt,
  refusals,
  tunnelled,
  collection,
  search,
  me,
  feed,
  feedAt,
  admin,
  reaching,
  schema,
  house,
  type Row,
} from "./isolation-rows.ts";

/** One row for every route there is; HEAD goes with GET, and a trailing slash with the path without. */
export const matrix: Readonly<Record<string, Row>> = {
  "GET /livez": { token: undefined, own: () => ({ path: "/livez" }) },
  "GET /readyz": { token: undefined, own: () => ({ path: "/readyz" }) },
  "GET /.well-known/jwks.json": { token: undefined, own: () => ({ path: "/.well-known/jwks.json" }) },

  "GET /scim/v2/ServiceProviderConfig": collection("ServiceProviderConfig"),
  "GET /scim/v2/ResourceTypes": collection("ResourceTypes"),
  "GET /scim/v2/ResourceTypes/:id": collection("ResourceTypes/User"),
  "GET /scim/v2/Schemas": collection("Schemas"),
  "GET /scim/v2/Schemas/:id": collection("Schemas/urn:ietf:params:scim:schemas:core:2.0:User"),

  "GET /scim/v2": { token: "scim", own: () => ({ path: scim }) },
  "POST /scim/v2/.search": search(""),
  "POST /scim/v2/Users/.search": search("/Users"),
  "POST /scim/v2/Groups/.search": search("/Groups"),

  "POST /scim/v2/Bulk": {
    token: "scim",
    own: ({ userId, groupId }) => ({
      path: `${scim}/Bulk`,
      body: {
        Operations: [
          { method: "POST", path: "/Users", bulkId: "new", data: newUser(`new${Math.random()}`) },
          {
            method: "PATCH",
            path: `/Groups/${groupId}`,
            data: patch({ op: "add", path: "members", value: "bulkId:new" }),
          },
          { method: "PATCH", path: `/Users/${userId}`, data: rename },
          { method: "DELETE", path: "/Users/bulkId:new" },
        ],
      },
    }),
  },
  "GET /scim/v2/Me": me(),
  "PUT /scim/v2/Me": me((userName) => ({ userName, nickName: "changed" })),
  "PATCH /scim/v2/Me": me(() => rename),
  "DELETE /scim/v2/Me": me(),

  "GET /scim/v2/Users": collection("Users"),
  "POST /scim/v2/Users": {
    token: "scim",
    own: () => ({ path: `${scim}/Users`, body: newUser(`new${Math.random()}`) }),
  },
  "GET /scim/v2/Users/:id": {
    token: "scim",
    own: ({ userId }) => ({ path: `${scim}/Users/${userId}` }),
    foreign: (_self, { userId }) => ({ path: `${scim}/Users/${userId}` }),
  },
  "PUT /scim/v2/Users/:id": {
    token: "scim",
    own: ({ userId }) => ({ path: `${scim}/Users/${userId}`, body: user }),
    foreign: (_self, { userId }) => ({ path: `${scim}/Users/${userId}`, body: user }),
  },
  "PATCH /scim/v2/Users/:id": {
    token: "scim",
    own: ({ userId }) => ({ path: `${scim}/Users/${userId}`, body: rename }),
    foreign: (_self, { userId }) => ({ path: `${scim}/Users/${userId}`, body: rename }),
  },
  "DELETE /scim/v2/Users/:id": {
    token: "scim",
    own: async ({ spareUser }) => ({ path: `${scim}/Users/${await spareUser()}` }),
    foreign: (_self, { userId }) => ({ path: `${scim}/Users/${userId}` }),
  },

  "POST /scim/v2/Users/:id": {
    token: "scim",
    own: ({ userId }) => ({ path: `${scim}/Users/${userId}`, body: rename, headers: tunnelled }),
    foreign: (_self, { userId }) => ({ path: `${scim}/Users/${userId}`, body: rename, headers: tunnelled }),
  },

  "GET /scim/v2/Groups": collection("Groups"),
  "POST /scim/v2/Groups": {
    token: "scim",
    own: ({ userId }) => ({ path: `${scim}/Groups`, body: newGroup(`New ${Math.random()}`, [userId]) }),
  },
  "GET /scim/v2/Groups/:id": {
    token: "scim",
    own: ({ groupId }) => ({ path: `${scim}/Groups/${groupId}` }),
    foreign: (_self, { groupId }) => ({ path: `${scim}/Groups/${groupId}` }),
  },
  "PUT /scim/v2/Groups/:id": {
    token: "scim",
    own: ({ groupId, userId }) => ({ path: `${scim}/Groups/${groupId}`, body: newGroup("Sales", [userId]) }),
    foreign: (_self, { groupId }) => ({ path: `${scim}/Groups/${groupId}`, body: newGroup("Sales") }),
  },
  "PATCH /scim/v2/Groups/:id": {
    token: "scim",
    own: ({ groupId }) => ({ path: `${scim}/Groups/${groupId}`, body: rename }),
    foreign: (_self, { groupId }) => ({ path: `${scim}/Groups/${groupId}`, body: rename }),
  },
  "DELETE /scim/v2/Groups/:id": {
    token: "scim",
    own: async ({ spareGroup }) => ({ path: `${scim}/Groups/${await spareGroup()}` }),
    foreign: (_self, { groupId }) => ({ path: `${scim}/Groups/${groupId}` }),
  },

  "POST /scim/v2/Groups/:id": {
    token: "scim",
    own: ({ groupId }) => ({ path: `${scim}/Groups/${groupId}`, body: rename, headers: tunnelled }),
    foreign: (_self, { groupId }) => ({ path: `${scim}/Groups/${groupId}`, body: rename, headers: tunnelled }),
  },

  "GET /v1/feeds/:feed/snapshot": feed("/snapshot"),
  "GET /v1/feeds/:feed/snapshots/:cursor": feedAt("", (cursor) => `/snapshots/${cursor}`),
  "GET /v1/feeds/:feed/changes": feedAt("", (cursor) => `/changes?since=${cursor}`),
  "GET /v1/feeds/:feed/stream": feedAt("", (cursor) => `/stream?since=${cursor}&wait=0`),
  "GET /v1/feeds/:feed/subjects/snapshot": feed("/subjects/snapshot"),
  "GET /v1/feeds/:feed/subjects/snapshots/:cursor": feedAt("/subjects", (cursor) => `/snapshots/${cursor}`),
  "GET /v1/feeds/:feed/subjects/changes": feedAt("/subjects", (cursor) => `/changes?since=${cursor}`),
  "GET /v1/feeds/:feed/subjects/stream": feedAt("/subjects", (cursor) => `/stream?since=${cursor}&wait=0`),
  "POST /v1/feeds/:feed/receipts": feed("/receipts", receipt),
  "POST /v1/feeds/:feed/refusals": feed("/refusals", refusals),
  "POST /v1/resolve": {
    token: "feed",
    own: () => ({ path: "/v1/resolve", body: { iss: twinIssuer, sub: twinSubject } }),
  },
  // It takes a form, and a token that an issuer signed: introspect.test.ts tells that another tenant's is inactive.
  "POST /v1/introspect": { token: "feed" },

  "GET /v1/admin/tenants": { token: "admin", own: () => ({ path: "/v1/admin/tenants" }) },
  "POST /v1/admin/tenants": house(() => "/v1/admin/tenants", { slug: "another" }),
  "GET /v1/admin/tenants/:tenant": admin(() => ""),
  "GET /v1/admin/tenants/:tenant/connections": admin(() => "/connections"),
  "POST /v1/admin/tenants/:tenant/connections": admin(
    () => "/connections",
    () => ({ slug: `more${Math.random().toString(36).slice(2)}`, issuers: [twinIssuer] }),
  ),
  "GET /v1/admin/tenants/:tenant/connections/:connection": reaching(
    admin(() => "/connections/idp"),
    ({ connectionId }) => `/connections/${connectionId}`,
  ),
  "PATCH /v1/admin/tenants/:tenant/connections/:connection": reaching(
    admin(
      () => "/connections/idp",
      () => ({ name: `IdP ${Math.random()}` }),
    ),
    ({ connectionId }) => `/connections/${connectionId}`,
    () => ({ name: "mine" }),
  ),
  "GET /v1/admin/tenants/:tenant/connections/:connection/schemas": reaching(
    admin(() => "/connections/idp/schemas"),
    ({ connectionId }) => `/connections/${connectionId}/schemas`,
  ),
  "POST /v1/admin/tenants/:tenant/connections/:connection/schemas": reaching(
    admin(
      () => "/connections/idp/schemas",
      () => newSchema(`urn:twins:new${Math.random().toString(36).slice(2)}:User`),
    ),
    ({ connectionId }) => `/connections/${connectionId}/schemas`,
    () => newSchema("urn:twins:mine:User"),
  ),
  "GET /v1/admin/tenants/:tenant/connections/:connection/schemas/:urn": schema(),
  "PUT /v1/admin/tenants/:tenant/connections/:connection/schemas/:urn": schema(newSchema),
  "DELETE /v1/admin/tenants/:tenant/connections/:connection/schemas/:urn": schema(),
  "GET /v1/admin/tenants/:tenant/tokens": admin(() => "/tokens"),
  "POST /v1/admin/tenants/:tenant/tokens": admin(
    () => "/tokens",
    () => ({ purpose: "feed" }),
  ),
  "DELETE /v1/admin/tenants/:tenant/tokens/:id": {
    token: "admin",
    own: async ({ slug, spareToken }) => ({ path: `/v1/admin/tenants/${slug}/tokens/${await spareToken()}` }),
    foreign: ({ slug }, other) => ({ path: `/v1/admin/tenants/${slug}/tokens/${credentialIdOf(other.feedToken)}` }),
  },
  "GET /v1/admin/tokens": house(() => "/v1/admin/tokens"),
  "POST /v1/admin/tokens": house(() => "/v1/admin/tokens", { purpose: "admin" }),
  "DELETE /v1/admin/tokens/:id": house((other) => `/v1/admin/tokens/${credentialIdOf(other.adminToken)}`),

  "GET /v1/admin/tenants/:tenant/users": admin(() => `/users?sub=${twinSubject}`),
  "GET /v1/admin/tenants/:tenant/users/:id": reaching(
    admin(({ userId }) => `/users/${userId}`),
    ({ userId }) => `/users/${userId}`,
  ),
  "POST /v1/admin/tenants/:tenant/users/:id/suspend": reaching(
    admin(
      ({ userId }) => `/users/${userId}/suspend`,
      () => ({}),
    ),
    ({ userId }) => `/users/${userId}/suspend`,
    () => ({}),
  ),
  "POST /v1/admin/tenants/:tenant/users/:id/unsuspend": reaching(
    admin(
      ({ userId }) => `/users/${userId}/unsuspend`,
      () => ({}),
    ),
    ({ userId }) => `/users/${userId}/unsuspend`,
    () => ({}),
  ),
  "GET /v1/admin/tenants/:tenant/revocations": admin(() => "/revocations"),
  "POST /v1/admin/tenants/:tenant/revocations": reaching(
    admin(
      () => "/revocations",
      ({ userId }) => ({ userId }),
    ),
    () => "/revocations",
    ({ userId }) => ({ userId }),
  ),
  "POST /v1/admin/tenants/:tenant/revocations/lift": reaching(
    admin(
      () => "/revocations/lift",
      ({ userId }) => ({ userId }),
    ),
    () => "/revocations/lift",
    ({ userId }) => ({ userId }),
  ),
  "GET /v1/admin/tenants/:tenant/parked": reaching(
    admin(({ groupId }) => `/parked?connection=idp&group=${groupId}`),
    ({ groupId }) => `/parked?group=${groupId}`,
  ),
  "DELETE /v1/admin/tenants/:tenant/revocations/:id": {
    token: "admin",
    own: async ({ slug, spareRevocation }) => ({
      path: `/v1/admin/tenants/${slug}/revocations/${await spareRevocation()}`,
    }),
    foreign: ({ slug }, { mark }) => ({ path: `/v1/admin/tenants/${slug}/revocations/${revocationId(mark)}` }),
  },
  "GET /v1/admin/tenants/:tenant/feed": admin(() => "/feed"),
  "POST /v1/admin/tenants/:tenant/feed/epoch": admin(
    () => "/feed/epoch",
    () => ({}),
  ),
  "GET /v1/admin/tenants/:tenant/feed/subject-key": admin(() => "/feed/subject-key"),
  "GET /v1/admin/feed": house(() => "/v1/admin/feed"),
  "POST /v1/admin/feed/epoch": house(() => "/v1/admin/feed/epoch", {}),
  "GET /v1/admin/feed/subject-key": house(() => "/v1/admin/feed/subject-key"),
  "GET /v1/admin/tenants/:tenant/gateways": admin(() => "/gateways"),
  "DELETE /v1/admin/tenants/:tenant/gateways/:id": {
    token: "admin",
    own: async ({ slug, spareGateway }) => ({ path: `/v1/admin/tenants/${slug}/gateways/${await spareGateway()}` }),
    foreign: ({ slug }, { gatewayId }) => ({ path: `/v1/admin/tenants/${slug}/gateways/${gatewayId}` }),
  },
  "GET /v1/admin/gateways": house(() => "/v1/admin/gateways"),
  "GET /v1/admin/tenants/:tenant/refusals": admin(() => "/refusals"),
  "GET /v1/admin/refusals": house(() => "/v1/admin/refusals"),
  "DELETE /v1/admin/gateways/:id": house(({ gatewayId }) => `/v1/admin/gateways/${gatewayId}`),
  ...adminRows,
  ...applicationRows,
  ...identityRows,
  ...lagRows,
  ...resyncRows,
  ...sourceRows,
  ...providerRows,
  ...pullRows,
  "POST /v1/explain": {
    token: "admin",
    own: () => ({ path: "/v1/explain", body: { iss: twinIssuer, sub: twinSubject } }),
    foreign: (_self, other) => ({
      path: "/v1/explain",
      body: { iss: twinIssuer, sub: twinSubject, tenant: other.slug },
    }),
  },
};

export function credentialIdOf(token: string): string {
  return token.split("_")[2] ?? "";
}
