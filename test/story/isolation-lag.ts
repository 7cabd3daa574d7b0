import { admin, house, reaching, type Row } from "./isolation-rows.ts";

/** The rows of lag, objectives, the overview and alerts. */
export const lagRows: Readonly<Record<string, Row>> = {
  "GET /v1/admin/tenants/:tenant/lag": reaching(
    admin(() => "/lag"),
    ({ connectionId }) => `/lag?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/lag/history": reaching(
    admin(() => "/lag/history?windowSec=3600&stepSec=60&connection=idp"),
    ({ connectionId }) => `/lag/history?connection=${connectionId}`,
  ),
  "GET /v1/admin/tenants/:tenant/overview": admin(() => "/overview"),
  "GET /v1/admin/tenants/:tenant/objectives": admin(() => "/objectives"),
  "PUT /v1/admin/tenants/:tenant/objectives/:stage": admin(
    () => "/objectives/acceptedToApplied",
    () => ({ p99Ms: 4_000, share: 0.99 }),
  ),
  "GET /v1/admin/tenants/:tenant/alerts": admin(() => "/alerts"),
  "GET /v1/admin/tenants/:tenant/alerts/:id": reaching(
    admin(({ alertId }) => `/alerts/${alertId}`),
    ({ alertId }) => `/alerts/${alertId}`,
  ),
  "POST /v1/admin/tenants/:tenant/alerts/:id/acknowledge": reaching(
    admin(
      ({ alertId }) => `/alerts/${alertId}/acknowledge`,
      () => ({ note: "seen" }),
    ),
    ({ alertId }) => `/alerts/${alertId}/acknowledge`,
    () => ({ note: "seen" }),
  ),
  "GET /v1/admin/alerts": house(() => "/v1/admin/alerts"),
  "POST /v1/admin/alerts/:id/acknowledge": house(({ alertId }) => `/v1/admin/alerts/${alertId}/acknowledge`, {}),
};
