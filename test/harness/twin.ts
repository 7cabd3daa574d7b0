import { randomBytes } from "node:crypto";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { get } from "./feed-reader.ts";
import { addSource } from "./hook-sender.ts";
import { type House } from "./house.ts";
import { addProvider } from "./read-back-scene.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

/** One of two tenants that call everything alike: the same issuer, names, external ids and subjects. */
export type Twin = TestTenant & {
  readonly adminToken: string;
  readonly ssfToken: string;
  /** A webhook and a stream, each with one message that was delivered. */
  readonly followers: Readonly<Record<"webhook" | "stream", Follower>>;
  /** Where events come from. */
  readonly sourceId: string;
  readonly userId: string;
  readonly groupId: string;
  readonly runId: string;
  readonly gatewayId: string;
  /** Open, and about something that only this twin has. */
  readonly alertId: string;
  /** A listing that has ended, with a difference. */
  readonly pullId: string;
  /** A text that only this twin's rows hold. */
  readonly mark: string;
  /** Ends the listing that is under way, and begins one more where it is wanted, stopped by the brake. */
  sparePull(wanted: "braked" | "none"): Promise<string>;
  /** A user, a group or a token more, for a request that will spoil it. */
  spareUser(): Promise<string>;
  spareSource(): Promise<string>;
  /** Sets the connection's provider, which is there from the beginning, anew. */
  spareProvider(): Promise<void>;
  spareGroup(): Promise<string>;
  spareToken(): Promise<string>;
  /** A resync that only looked, and has ended. */
  spareDryRun(): Promise<string>;
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
  const runId = await finishResync(house, tenant, adminToken, {});
  await house.database.once(
    tenant.id,
    sql`INSERT INTO drift (tenant_id, run_id, kind, subject_id, name, detail) VALUES (${tenant.id}, ${runId}, 'missing', ${userId}, ${mark}, '{}')`,
  );
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
  const alertId = newId();
  await house.database.once(
    tenant.id,
    sql`INSERT INTO alert (id, tenant_id, kind, key, detail) VALUES (${alertId}, ${tenant.id}, 'mass_change_braked', ${mark}, '{}')`,
  );
  const pullId = await createPull(house, tenant, mark, "finished");
  const createFollower = (kind: "webhook" | "poll"): Promise<Follower> => follow(house, tenant, mark, kind);
  const createOwnSource = async (): Promise<string> => {
    const { id } = await addSource(house, tenant, "webhook");
    await house.database.once(tenant.id, sql`UPDATE event_source SET name = ${mark} WHERE id = ${id}`);
    return id;
  };
  const { token: ssfToken } = await house.credentials.issue({
    purpose: "ssf",
    tenantId: tenant.id,
    receiver: "crm",
    scopes: ["ssf.manage"],
    label: mark,
  });
  const followers = { webhook: await createFollower("webhook"), stream: await createFollower("poll") };
  await Promise.all([cursorOf("/subjects"), setOwnProvider(house, tenant, mark)]);
  await untilQuiet(house, tenant.id);
  return {
    ...tenant,
    adminToken,
    ssfToken,
    followers,
    sourceId: await createOwnSource(),
    spareSource: createOwnSource,
    spareProvider: () => setOwnProvider(house, tenant, mark),
    spareWebhook: () => createFollower("webhook"),
    spareStream: () => createFollower("poll"),
    userId,
    groupId,
    runId,
    gatewayId,
    alertId,
    pullId,
    sparePull: (wanted) => nextPull(house, tenant, mark, wanted),
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
    spareDryRun: () => finishResync(house, tenant, adminToken, { dryRun: true }),
    spareToken: async () => (await house.credentials.issue({ purpose: "feed", tenantId: tenant.id, label: mark })).id,
  };
}

/** An application that follows, paused, with a message that was delivered. */
async function follow(house: House, tenant: TestTenant, mark: string, kind: "webhook" | "poll"): Promise<Follower> {
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
}

/** A listing with a difference, that has ended or waits for a person. */
async function createPull(
  house: House,
  { id: tenantId, connectionId }: TestTenant,
  mark: string,
  state: "finished" | "braked",
): Promise<string> {
  const id = newId();
  await house.database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      INSERT INTO pull_run (id, tenant_id, connection_id, dry_run, state, reason, staged, finished_at)
      VALUES (${id}, ${tenantId}, ${connectionId}, false, ${state}, ${mark}, false, CASE WHEN ${state} = 'finished' THEN now() END)`);
    await transaction.query(sql`
      INSERT INTO pull_difference (run_id, tenant_id, kind, subject_kind, name, rank) VALUES (${id}, ${tenantId}, 'missing', 'user', ${mark}, 9)`);
  });
  return id;
}

/** Of one connection's listings, one at a time may be under way. */
async function nextPull(house: House, tenant: TestTenant, mark: string, wanted: "braked" | "none"): Promise<string> {
  const ending = sql`UPDATE pull_run SET state = 'cancelled', finished_at = now() WHERE finished_at IS NULL`;
  await house.database.once(tenant.id, ending);
  return wanted === "none" ? "" : createPull(house, tenant, mark, wanted);
}

/** Nobody answers there. */
async function setOwnProvider(house: House, tenant: TestTenant, mark: string): Promise<void> {
  const settings = { url: `https://${mark}.twins.test/scim/v2`, pace: { attemptsMax: 1 } };
  await addProvider(house, tenant, "scim", settings, mark);
}

/** A resync of the tenant that has ended: what goes on behind it would be seen as somebody's doing. */
async function finishResync(house: House, tenant: TestTenant, token: string, how: object): Promise<string> {
  const answer = await ask(house, token, "POST", `/tenants/${tenant.slug}/resyncs`, { scope: "tenant", ...how });
  const { id } = (await answer.json()) as { id: string };
  await until("the twin's resync has ended", async () => {
    const [run] = await house.database.once(
      tenant.id,
      sql`SELECT FROM reconcile_run WHERE id = ${id} AND finished_at IS NOT NULL`,
    );
    return run;
  });
  return id;
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

export async function ask(house: House, token: string, method: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${house.url}/v1/admin${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}
