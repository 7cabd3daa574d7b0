import { twinIssuer } from "../harness/twin.ts";
import { admin, reaching, type Row } from "./isolation-rows.ts";

const tenants = "/v1/admin/tenants";
const subjectQuery = (sub: string): string => new URLSearchParams({ iss: twinIssuer, sub }).toString();

/** The rows of what an admin ties by hand, and of what was given up. */
export const identityRows: Readonly<Record<string, Row>> = {
  "POST /v1/admin/tenants/:tenant/users/:id/links": {
    token: "admin",
    own: async ({ slug, spareUser }) => ({
      path: `${tenants}/${slug}/users/${await spareUser()}/links`,
      body: { directoryUser: await spareUser() },
    }),
    foreign: ({ slug, userId }, other) => ({
      path: `${tenants}/${slug}/users/${userId}/links`,
      body: { directoryUser: other.userId },
    }),
  },
  "DELETE /v1/admin/tenants/:tenant/users/:id/links/:directoryUser": {
    token: "admin",
    own: async ({ slug, spareLink }) => {
      const { userId, directoryUserId } = await spareLink();
      return { path: `${tenants}/${slug}/users/${userId}/links/${directoryUserId}` };
    },
    foreign: ({ slug }, { link }) => ({
      path: `${tenants}/${slug}/users/${link.userId}/links/${link.directoryUserId}`,
    }),
  },
  "POST /v1/admin/tenants/:tenant/users/:id/identities": reaching(
    admin(
      ({ userId }) => `/users/${userId}/identities`,
      () => ({ iss: twinIssuer, sub: `given${Math.random()}` }),
    ),
    ({ userId }) => `/users/${userId}/identities`,
    () => ({ iss: twinIssuer, sub: "mine" }),
  ),
  "DELETE /v1/admin/tenants/:tenant/users/:id/identities": {
    token: "admin",
    own: async ({ slug, userId, spareIdentity }) => ({
      path: `${tenants}/${slug}/users/${userId}/identities?${subjectQuery(await spareIdentity())}`,
    }),
    foreign: ({ slug }, { userId, identity }) => ({
      path: `${tenants}/${slug}/users/${userId}/identities?${subjectQuery(identity)}`,
    }),
  },
  "GET /v1/admin/tenants/:tenant/deadletters": admin(() => "/deadletters"),
  "GET /v1/admin/tenants/:tenant/deadletters/:event": reaching(
    admin(({ deadLetter }) => `/deadletters/${deadLetter}`),
    ({ deadLetter }) => `/deadletters/${deadLetter}`,
  ),
  "POST /v1/admin/tenants/:tenant/deadletters/:event/replay": {
    token: "admin",
    own: async ({ slug, spareDeadLetter }) => ({
      path: `${tenants}/${slug}/deadletters/${await spareDeadLetter()}/replay`,
      body: {},
    }),
    foreign: ({ slug }, { deadLetter }) => ({ path: `${tenants}/${slug}/deadletters/${deadLetter}/replay`, body: {} }),
  },
  "POST /v1/admin/tenants/:tenant/deadletters/:event/drop": {
    token: "admin",
    own: async ({ slug, spareDeadLetter }) => ({
      path: `${tenants}/${slug}/deadletters/${await spareDeadLetter()}/drop`,
      body: { reason: "of no use" },
    }),
    foreign: ({ slug }, { deadLetter }) => ({
      path: `${tenants}/${slug}/deadletters/${deadLetter}/drop`,
      body: { reason: "of no use" },
    }),
  },
};
