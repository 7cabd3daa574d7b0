import { admin, reaching, type Row } from "./isolation-rows.ts";

const ofRun = (rest = "", body?: () => unknown): Row =>
  reaching(
    admin(({ runId }) => `/resyncs/${runId}${rest}`, body),
    ({ runId }) => `/resyncs/${runId}${rest}`,
    body,
  );

/** The rows of what is compared and brought right. */
export const resyncRows: Readonly<Record<string, Row>> = {
  "GET /v1/admin/tenants/:tenant/drift": admin(() => "/drift"),
  "GET /v1/admin/tenants/:tenant/drift/differences": admin(() => "/drift/differences"),
  "GET /v1/admin/tenants/:tenant/resyncs": admin(() => "/resyncs"),
  "POST /v1/admin/tenants/:tenant/resyncs": reaching(
    admin(
      () => "/resyncs",
      ({ userId }) => ({ scope: "user", userId }),
    ),
    () => "/resyncs",
    ({ userId }) => ({ scope: "user", userId }),
  ),
  "GET /v1/admin/tenants/:tenant/resyncs/:id": ofRun(),
  "GET /v1/admin/tenants/:tenant/resyncs/:id/differences": ofRun("/differences"),
  "POST /v1/admin/tenants/:tenant/resyncs/:id/apply": {
    ...ofRun("/apply", () => ({})),
    own: async ({ slug, spareDryRun }) => ({
      path: `/v1/admin/tenants/${slug}/resyncs/${await spareDryRun()}/apply`,
      body: {},
    }),
  },
  "POST /v1/admin/tenants/:tenant/resyncs/:id/cancel": ofRun("/cancel", () => ({})),
};
