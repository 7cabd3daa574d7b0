import { reaching, type Row, admin } from "./isolation-rows.ts";
import type { Twin } from "../harness/twin.ts";

const path = (of: string, rest = ""): string => `/connections/${of}/provider${rest}`;
const wanted = () => ({ kind: "scim", settings: { url: "https://idp.twins.test/scim/v2" }, secret: "of the twins" });

const ofProvider = (rest = "", body?: () => unknown): Row =>
  reaching(
    {
      token: "admin",
      own: async (self: Twin) => {
        await self.spareProvider();
        return { path: `/v1/admin/tenants/${self.slug}${path("idp", rest)}`, body: body?.() };
      },
    },
    ({ connectionId }) => path(connectionId, rest),
    body,
  );

/** The rows of how providers are asked. */
export const providerRows: Readonly<Record<string, Row>> = {
  "PUT /v1/admin/tenants/:tenant/connections/:connection/provider": reaching(
    admin(() => path("idp"), wanted),
    ({ connectionId }) => path(connectionId),
    wanted,
  ),
  "GET /v1/admin/tenants/:tenant/connections/:connection/provider": ofProvider(),
  "DELETE /v1/admin/tenants/:tenant/connections/:connection/provider": ofProvider(),
  "POST /v1/admin/tenants/:tenant/connections/:connection/provider/test": ofProvider("/test", () => ({})),
  "GET /v1/admin/tenants/:tenant/connections/:connection/read-backs": reaching(
    admin(() => "/connections/idp/read-backs"),
    ({ connectionId }) => `/connections/${connectionId}/read-backs`,
  ),
};
