import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import {
  createStream,
  createWebhook,
  eventOf,
  openApplication,
  pollFor,
  pushTo,
  receiverOf,
  type SetClaims,
  verifySet,
} from "../harness/application.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, patch, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

type Told = { readonly type: string; readonly data: Readonly<Record<string, unknown>> };

async function join(tenant: TestTenant, sub: string): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser(sub));
  await untilQuiet(house, tenant.id);
  return body["id"] as string;
}

const subjectOf = (set: SetClaims) => set.sub_id;

describe("an application learns of a leaver", () => {
  test("by push: signed for it alone, with the subject that tokens carry, and when", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver, pushTo(`${application.url}/events`, "Bearer theirs"));
    const before = Math.floor(Date.now() / 1_000);
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("both events arrive", () => application.received.length === 2);

    const sets = await Promise.all(application.received.map(({ body }) => verifySet(house, body, stream.aud)));
    expect(sets.map(eventOf)).toEqual(["account-disabled", "session-revoked"]);
    for (const set of sets) {
      expect(subjectOf(set)).toEqual({ format: "iss_sub", iss: tenant.issuer, sub: "ann" });
      expect(set).not.toHaveProperty("sub");
      expect(set).not.toHaveProperty("exp");
      const [content] = Object.values(set.events);
      expect(content?.["event_timestamp"]).toBeGreaterThanOrEqual(before);
      expect(content?.["reason_admin"]).toEqual({ en: expect.stringMatching(/\S/) as string });
    }
    // One change caused both, and each has an id of its own.
    expect(new Set(sets.map(({ txn }) => txn)).size).toBe(1);
    expect(new Set(sets.map(({ jti }) => jti)).size).toBe(2);
    expect(application.received[0]?.headers).toMatchObject({
      "content-type": "application/secevent+jwt",
      authorization: "Bearer theirs",
    });
  });

  test("by poll, which waits for it", async () => {
    const tenant = await createTenant(house);
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver);
    const id = await join(tenant, "ann");
    const waiting = receiver("POST", `/streams/${stream.id}/poll`, {});
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    const { status, headers, body } = await waiting;
    expect([status, headers.get("cache-control")]).toEqual([200, "no-store"]);
    const [[jti, token] = ["", ""]] = Object.entries(body["sets"] as Record<string, string>);
    const set = await verifySet(house, token, stream.aud);
    expect([set.jti, eventOf(set), subjectOf(set)]).toEqual([
      jti,
      "account-disabled",
      { format: "iss_sub", iss: tenant.issuer, sub: "ann" },
    ]);
    expect(body["moreAvailable"]).toBe(true);
  });

  test("by webhook, whose signature an independent library accepts", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const { secret } = await createWebhook(house, tenant, application.url);
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await until("both events arrive", () => application.received.length === 2);
    const verifier = new Webhook(secret);
    const told = application.received.map(({ body, headers }) => verifier.verify(body, { ...headers }) as Told);
    expect(told.map(({ type }) => type)).toEqual(["user.denied", "session.revoked"]);
    expect(told[0]?.data).toMatchObject({
      tenantId: tenant.id,
      userId: id,
      iss: tenant.issuer,
      sub: "ann",
      reason: "idp_inactive",
    });
    // Ids and times: nothing that names a person but the subject itself.
    expect(application.received.map(({ body }) => body).join("")).not.toContain("example.test");
    expect(() =>
      new Webhook(`whsec_${Buffer.alloc(32).toString("base64")}`).verify(application.received[0]?.body ?? "", {
        ...application.received[0]?.headers,
      }),
    ).toThrow();
  });
});

describe("an application is told", () => {
  async function followed() {
    const tenant = await createTenant(house, { subjectAttribute: "userName" });
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver);
    const application = await openApplication();
    const { secret } = await createWebhook(house, tenant, application.url);
    const told = async (count: number): Promise<readonly Told[]> => {
      await until(`${count} messages arrive`, () => application.received.length >= count);
      return application.received.map(({ body, headers }) => new Webhook(secret).verify(body, { ...headers }) as Told);
    };
    const sets = async (count: number): Promise<readonly SetClaims[]> =>
      Promise.all((await pollFor(receiver, stream, count)).map((token) => verifySet(house, token, stream.aud)));
    return { tenant, told, sets };
  }

  test("of whoever may enter again, after whoever may not", async () => {
    const { tenant, told, sets } = await followed();
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    const events = await told(3);
    expect(events.map(({ type }) => type)).toEqual(["user.denied", "session.revoked", "user.allowed"]);
    const sequences = events.map(({ data }) => data["sequence"] as number);
    expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
    expect((await sets(3)).map(eventOf)).toEqual(["account-disabled", "session-revoked", "account-enabled"]);
  });

  test("of whoever is deleted, once, and not also that they are disabled", async () => {
    const { tenant, told, sets } = await followed();
    const id = await join(tenant, "ann");
    await tenant.scim("DELETE", `/Users/${id}`);
    await untilQuiet(house, tenant.id);
    expect((await told(2)).map(({ type }) => type)).toEqual(["user.deleted", "session.revoked"]);
    expect((await sets(2)).map(eventOf)).toEqual(["account-purged", "session-revoked"]);
  });

  test("of whoever is deleted after they were disabled", async () => {
    const { tenant, told } = await followed();
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await tenant.scim("DELETE", `/Users/${id}`);
    await untilQuiet(house, tenant.id);
    expect((await told(3)).map(({ type }) => type)).toContain("user.deleted");
  });

  test("of a subject that is called otherwise, by both names", async () => {
    const { tenant, told, sets } = await followed();
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "userName", value: "ann.b@example.test" }));
    expect((await told(1))[0]).toMatchObject({
      type: "user.identifier_changed",
      data: { userId: id, sub: "ann@example.test", newSub: "ann.b@example.test" },
    });
    const [set] = await sets(1);
    expect(set?.sub_id).toEqual({ format: "email", email: "ann@example.test" });
    expect(Object.values(set?.events ?? {})[0]).toMatchObject({ "new-value": "ann.b@example.test" });
  });

  test("of one session, and of no more than it", async () => {
    const { tenant, told, sets } = await followed();
    const admin = await adminOf(house, tenant);
    await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: tenant.issuer, session: "s-1" });
    expect((await told(1))[0]).toMatchObject({ type: "session.revoked", data: { session: "s-1", iss: tenant.issuer } });
    expect((await told(1))[0]?.data).not.toHaveProperty("sub");
    expect((await sets(1))[0]?.sub_id).toEqual({ format: "complex", session: { format: "opaque", id: "s-1" } });
  });

  test("of an admin's ban, and not that it is lifted while another reason stands", async () => {
    const { tenant, told } = await followed();
    const admin = await adminOf(house, tenant);
    const id = await join(tenant, "ann");
    await admin("POST", `/tenants/${tenant.slug}/users/${id}/suspend`, {});
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await admin("POST", `/tenants/${tenant.slug}/users/${id}/unsuspend`, {});
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await untilQuiet(house, tenant.id);
    const types = (
      await until("the last arrives", async () => {
        const all = await told(1);
        return all.some(({ type }) => type === "user.allowed") && all;
      })
    ).map(({ type }) => type);
    expect(types.filter((type) => type !== "session.revoked")).toEqual(["user.denied", "user.allowed"]);
  });

  test("nothing of a joiner, nor of a profile that changes", async () => {
    const { tenant, told } = await followed();
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path: "displayName", value: "Ann B" }));
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    expect((await told(1))[0]?.type).toBe("user.denied");
  });

  test("only of what it asked for", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    await createWebhook(house, tenant, application.url, ["user.allowed"]);
    const id = await join(tenant, "ann");
    await tenant.scim("PATCH", `/Users/${id}`, deactivate);
    await untilQuiet(house, tenant.id);
    await tenant.scim("PATCH", `/Users/${id}`, reactivate);
    await until("something arrives", () => application.received.length > 0);
    expect(application.received.map(({ body }) => (JSON.parse(body) as Told).type)).toEqual(["user.allowed"]);
  });
});
