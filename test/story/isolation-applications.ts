import { admin, followed, type Row, stream } from "./isolation-rows.ts";

/** The rows of what applications follow. */
export const applicationRows: Readonly<Record<string, Row>> = {
  "GET /.well-known/ssf-configuration": { token: undefined, own: () => ({ path: "/.well-known/ssf-configuration" }) },
  "GET /ssf/jwks.json": { token: undefined, own: () => ({ path: "/ssf/jwks.json" }) },
  "GET /ssf/streams": stream("/streams"),
  "POST /ssf/streams": { token: "ssf", own: () => ({ path: "/ssf/streams", body: {} }) },
  "PATCH /ssf/streams": stream("/streams", (id) => ({ stream_id: id, description: "changed" })),
  "PUT /ssf/streams": stream("/streams", (id) => ({ stream_id: id })),
  "DELETE /ssf/streams": stream("/streams"),
  "GET /ssf/status": stream("/status"),
  "POST /ssf/status": stream("/status", (id) => ({ stream_id: id, status: "paused" })),
  "POST /ssf/verify": stream("/verify", (id) => ({ stream_id: id, state: "s" })),
  "POST /ssf/streams/:id/poll": {
    token: "ssf",
    own: ({ followers }) => ({ path: `/ssf/streams/${followers.stream.id}/poll`, body: { returnImmediately: true } }),
    foreign: (_self, { followers }) => ({
      path: `/ssf/streams/${followers.stream.id}/poll`,
      body: { returnImmediately: true, ack: [followers.stream.delivery] },
    }),
  },
  "GET /v1/admin/tenants/:tenant/webhooks": admin(() => "/webhooks"),
  "POST /v1/admin/tenants/:tenant/webhooks": admin(
    () => "/webhooks",
    () => ({ url: "http://127.0.0.1:9/", events: ["user.allowed"] }),
  ),
  "GET /v1/admin/tenants/:tenant/webhooks/:id": followed("webhook"),
  "PATCH /v1/admin/tenants/:tenant/webhooks/:id": followed("webhook", "", () => ({ description: "changed" })),
  "DELETE /v1/admin/tenants/:tenant/webhooks/:id": followed("webhook"),
  "POST /v1/admin/tenants/:tenant/webhooks/:id/rotate": followed("webhook", "/rotate", () => ({})),
  "GET /v1/admin/tenants/:tenant/webhooks/:id/deliveries": followed("webhook", "/deliveries"),
  "POST /v1/admin/tenants/:tenant/webhooks/:id/replay": followed("webhook", "/replay", (delivery) => ({ delivery })),
  "GET /v1/admin/tenants/:tenant/streams": admin(() => "/streams"),
  "GET /v1/admin/tenants/:tenant/streams/:id": followed("stream"),
  "DELETE /v1/admin/tenants/:tenant/streams/:id": followed("stream"),
  "GET /v1/admin/tenants/:tenant/streams/:id/deliveries": followed("stream", "/deliveries"),
  "POST /v1/admin/tenants/:tenant/streams/:id/replay": followed("stream", "/replay", (delivery) => ({ delivery })),
};
