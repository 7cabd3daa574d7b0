import { digestText } from "@rollcall/guard";
import { newGroup, newUser, patch } from "../harness/tenant.ts";
import { type Twin, twinIssuer, twinSubject } from "../harness/twin.ts";

export type Ask = { readonly path: string; readonly body?: unknown };

export type Row = {
  /** Whose token speaks; undefined where anybody may ask. */
  readonly token: "scim" | "feed" | "admin" | undefined;
  /** What a tenant asks of its own; it must be answered, and with nothing of the other's. */
  own?(self: Twin): Ask | Promise<Ask>;
  /** The same, of the other's things: it must be answered as if they did not exist. */
  foreign?(self: Twin, other: Twin): Ask;
};

const scim = "/scim/v2";
const user = newUser(twinSubject, { displayName: "changed" });
const rename = patch({ op: "replace", path: "displayName", value: "changed" });
const receipt = { gateway: "edge", epoch: 1, seq: 0, as_of: 1, entries: 0, digest: digestText(0n) };

const collection = (name: string): Pick<Row, "token" | "own"> => ({
  token: "scim",
  own: () => ({ path: `${scim}/${name}` }),
});
const feed = (path: string, body?: unknown): Row => ({
  token: "feed",
  own: ({ slug }) => ({ path: `/v1/feeds/${slug}${path}`, body }),
  foreign: (_self, { slug }) => ({ path: `/v1/feeds/${slug}${path}`, body }),
});
/** A route below a tenant's name: its own works, and under its own name it finds nothing of the other's either. */
const admin = (rest: (of: Twin) => string, body?: (of: Twin) => unknown): Row => ({
  token: "admin",
  own: (self) => ({ path: `/v1/admin/tenants/${self.slug}${rest(self)}`, body: body?.(self) }),
  foreign: (_self, other) => ({ path: `/v1/admin/tenants/${other.slug}${rest(other)}`, body: body?.(other) }),
});
const reaching = (row: Row, rest: (of: Twin) => string, body?: (of: Twin) => unknown): Row => ({
  ...row,
  foreign: (self, other) => ({ path: `/v1/admin/tenants/${self.slug}${rest(other)}`, body: body?.(other) }),
});
/** For operators of the house alone: to a tenant's admin it does not exist, whoever is named. */
const house = (path: (other: Twin) => string, body?: unknown): Row => ({
  token: "admin",
  foreign: (_self, other) => ({ path: path(other), body }),
});

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

  "GET /v1/feeds/:feed/snapshot": feed("/snapshot"),
  "GET /v1/feeds/:feed/snapshots/:cursor": feed("/snapshots/1-0"),
  "GET /v1/feeds/:feed/changes": feed("/changes?since=1-0"),
  "POST /v1/feeds/:feed/receipts": feed("/receipts", receipt),
  "POST /v1/resolve": {
    token: "feed",
    own: () => ({ path: "/v1/resolve", body: { iss: twinIssuer, sub: twinSubject } }),
  },

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
      () => ({ name: "IdP" }),
    ),
    ({ connectionId }) => `/connections/${connectionId}`,
    () => ({ name: "mine" }),
  ),
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
  "POST /v1/admin/tenants/:tenant/resyncs": reaching(
    admin(
      () => "/resyncs",
      ({ userId }) => ({ scope: "user", userId }),
    ),
    () => "/resyncs",
    ({ userId }) => ({ scope: "user", userId }),
  ),
  "GET /v1/admin/tenants/:tenant/resyncs/:id": reaching(
    admin(({ runId }) => `/resyncs/${runId}`),
    ({ runId }) => `/resyncs/${runId}`,
  ),
  "GET /v1/admin/tenants/:tenant/lag": reaching(
    admin(() => "/lag"),
    ({ connectionId }) => `/lag?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/gateways": admin(() => "/gateways"),
  "GET /v1/admin/tenants/:tenant/deadletters": admin(() => "/deadletters"),
  "GET /v1/admin/tenants/:tenant/alerts": admin(() => "/alerts"),
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
