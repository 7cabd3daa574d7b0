import { randomBytes } from "node:crypto";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { get } from "./feed-reader.ts";
import { type House } from "./house.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

/** One of two tenants that call everything alike: the same issuer, names, external ids and subjects. */
export type Twin = TestTenant & {
  readonly adminToken: string;
  readonly ssfToken: string;
  /** A webhook and a stream, each with one message that was delivered. */
  readonly followers: Readonly<Record<"webhook" | "stream", Follower>>;
  readonly userId: string;
  readonly groupId: string;
  readonly runId: string;
  readonly gatewayId: string;
  /** A text that only this twin's rows hold. */
  readonly mark: string;
  /** A user, a group or a token more, for a request that will spoil it. */
  spareUser(): Promise<string>;
  spareGroup(): Promise<string>;
  spareToken(): Promise<string>;
  /** A user more, with a SCIM token of their own. */
  sparePerson(): Promise<{ readonly userName: string; readonly token: string }>;
  /** A denial of one session, by its id in the list; and a gateway that has not reported yet. */
  spareRevocation(): Promise<string>;
  spareGateway(): Promise<string>;
  /** Where one of its feeds is now. */
  cursorOf(feed: "" | "/subjects"): Promise<string>;
  /** Registers a schema of the connection's own and answers its URN. */
  spareSchema(): Promise<string>;
  /** A webhook or a stream more, with a message that was delivered. */
  spareWebhook(): Promise<Follower>;
  spareStream(): Promise<Follower>;
};

export type Follower = { readonly id: string; readonly delivery: string };

export const twinIssuer = "https://login.twins.test";
export const twinSubject = "00u1";

export async function createTwin(house: House): Promise<Twin> {
  const tenant = await createTenant(house, { issuer: twinIssuer, dialect: { methodOverride: "permit" } });
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
  const denySession = async (session: string): Promise<string> => {
    const body = { iss: twinIssuer, session };
    await ask(house, adminToken, "POST", `/tenants/${tenant.slug}/revocations`, body);
    return revocationId(session);
  };
  const cursorOf: Twin["cursorOf"] = (feed) =>
    until(`the feed${feed} of ${tenant.slug} is told`, async () => {
      const answer = await get({ url: house.url, feed: `${tenant.slug}${feed}`, token: tenant.feedToken }, "/snapshot");
      return /\d+-\d+$/.exec(answer.headers.get("location") ?? "")?.[0];
    });
  const userId = await createUser(twinSubject);
  const groupId = await createGroup("Sales", [userId]);
  const runId = await startResync(house, tenant, adminToken);
  await denySession(mark);
  const createGateway = async (): Promise<string> => {
    const id = newId();
    await house.database.once(
      tenant.id,
      sql`INSERT INTO gateway (id, tenant_id, name) VALUES (${id}, ${tenant.id}, ${`${mark}-${(spare += 1)}`})`,
    );
    return id;
  };
  const gatewayId = await createGateway();
  const createFollower = async (kind: "webhook" | "poll"): Promise<Follower> => {
    const [id, delivery] = [newId(), newId()];
    // Pausing it keeps the sender away from where nobody answers.
    await house.database.inTenant(tenant.id, async (transaction) => {
      await transaction.query(sql`
        INSERT INTO subscription (id, tenant_id, kind, receiver, description, url, events, status)
        VALUES (${id}, ${tenant.id}, ${kind}, ${kind === "poll" ? "crm" : null}, ${mark}, ${kind === "poll" ? null : "http://127.0.0.1:9/"}, '{}', 'paused')`);
      await transaction.query(sql`
        INSERT INTO delivery (id, tenant_id, subscription_id, subject_key, state, settled_at) VALUES (${delivery}, ${tenant.id}, ${id}, 0, 'delivered', now())`);
      await transaction.query(sql`
        INSERT INTO outbound_event (tenant_id, kind, iss, sub, reason, cause, happened_at)
        VALUES (${tenant.id}, 'user.denied', ${twinIssuer}, ${mark}, 'idp_inactive', ${mark}, now())`);
    });
    return { id, delivery };
  };
  const { token: ssfToken } = await house.credentials.issue({
    purpose: "ssf",
    tenantId: tenant.id,
    receiver: "crm",
    scopes: ["ssf.manage"],
    label: mark,
  });
  const followers = { webhook: await createFollower("webhook"), stream: await createFollower("poll") };
  await cursorOf("/subjects");
  await untilQuiet(house, tenant.id);
  return {
    ...tenant,
    adminToken,
    ssfToken,
    followers,
    spareWebhook: () => createFollower("webhook"),
    spareStream: () => createFollower("poll"),
    userId,
    groupId,
    runId,
    gatewayId,
    mark,
    spareUser: () => createUser(`spare${(spare += 1)}`),
    spareGroup: () => createGroup(`Spare ${(spare += 1)}`, []),
    spareRevocation: () => denySession(`spare${(spare += 1)}`),
    spareGateway: createGateway,
    cursorOf,
    spareSchema: async () => {
      const urn = `urn:twins:spare${(spare += 1)}:User`;
      await ask(house, adminToken, "POST", `/tenants/${tenant.slug}/connections/idp/schemas`, newSchema(urn));
      return urn;
    },
    sparePerson: async () => {
      const name = `spare${(spare += 1)}`;
      const whom = { tenantId: tenant.id, connectionId: tenant.connectionId, userId: await createUser(name) };
      const { token } = await house.credentials.issue({ purpose: "scim", ...whom, label: mark });
      return { userName: `${name}@example.test`, token };
    },
    spareToken: async () => (await house.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: mark })).id,
  };
}

async function startResync(house: House, tenant: TestTenant, token: string): Promise<string> {
  const answer = await ask(house, token, "POST", `/tenants/${tenant.slug}/resyncs`, { scope: "tenant" });
  return ((await answer.json()) as { id: string }).id;
}

/** The id under which the list shows a session's denial. */
export function revocationId(session: string): string {
  return Buffer.from(JSON.stringify(["sid", twinIssuer, session])).toString("base64url");
}

/** A schema with one attribute, as an admin registers it. */
export function newSchema(urn: string): Record<string, unknown> {
  const badge = { name: "badge", type: "string", multiValued: false };
  return { resourceType: "User", schema: { id: urn, name: "Spare", attributes: [badge] } };
}

async function ask(house: House, token: string, method: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${house.url}/v1/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
