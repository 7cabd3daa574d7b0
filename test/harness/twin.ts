import { randomBytes } from "node:crypto";
import { type House } from "./house.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "./tenant.ts";
import { untilQuiet } from "./user-store.ts";

/** One of two tenants that call everything alike: the same issuer, names, external ids and subjects. */
export type Twin = TestTenant & {
  readonly adminToken: string;
  readonly userId: string;
  readonly groupId: string;
  readonly runId: string;
  /** A text that only this twin's rows hold. */
  readonly mark: string;
  /** A user, a group or a token more, for a request that will spoil it. */
  spareUser(): Promise<string>;
  spareGroup(): Promise<string>;
  spareToken(): Promise<string>;
};

export const twinIssuer = "https://login.twins.test";
export const twinSubject = "00u1";

export async function createTwin(house: House): Promise<Twin> {
  const tenant = await createTenant(house, { issuer: twinIssuer });
  const mark = `mark-${randomBytes(6).toString("hex")}`;
  const { token: adminToken } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: mark });
  let spare = 0;
  const createUser = async (externalId: string): Promise<string> => {
    const { body } = await tenant.scim("POST", "/Users", newUser(externalId, { displayName: mark }));
    return body["id"] as string;
  };
  const createGroup = async (name: string, members: readonly string[]): Promise<string> => {
    const { body } = await tenant.scim("POST", "/Groups", newGroup(name, members));
    return body["id"] as string;
  };
  const userId = await createUser(twinSubject);
  const groupId = await createGroup("Sales", [userId]);
  const runId = await startResync(house, tenant, adminToken);
  await untilQuiet(house, tenant.id);
  return {
    ...tenant,
    adminToken,
    userId,
    groupId,
    runId,
    mark,
    spareUser: () => createUser(`spare${(spare += 1)}`),
    spareGroup: () => createGroup(`Spare ${(spare += 1)}`, []),
    spareToken: async () => (await house.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: mark })).id,
  };
}

async function startResync(house: House, tenant: TestTenant, token: string): Promise<string> {
  const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/resyncs`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ scope: "tenant" }),
  });
  return ((await answer.json()) as { id: string }).id;
}
