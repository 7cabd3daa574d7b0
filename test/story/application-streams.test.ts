import { randomUUID } from "node:crypto";
import { type JWK } from "jose";
import { describe, expect, test } from "vitest";
import {
  askSsf,
  createStream,
  eventOf,
  openApplication,
  pollAll,
  pollFor,
  pushTo,
  receiverOf,
  verifySet,
} from "../harness/application.ts";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

async function leave(tenant: TestTenant, sub: string, where = house): Promise<void> {
  const { body } = await tenant.scim("POST", "/Users", newUser(sub));
  await untilQuiet(where, tenant.id);
  await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
  await untilQuiet(where, tenant.id);
}

describe("a token", () => {
  test("that only reads reads and collects, and manages nothing", async () => {
    const tenant = await createTenant(house);
    const stream = await createStream(await receiverOf(house, tenant));
    const reader = await receiverOf(house, tenant, "crm", ["ssf.read"]);
    expect((await reader("GET", `/streams?stream_id=${stream.id}`)).status).toBe(200);
    expect((await reader("GET", `/status?stream_id=${stream.id}`)).status).toBe(200);
    expect((await reader("POST", `/streams/${stream.id}/poll`, { returnImmediately: true })).status).toBe(200);
    const refused = [
      await reader("POST", "/streams", {}),
      await reader("PATCH", "/streams", { stream_id: stream.id }),
      await reader("DELETE", `/streams?stream_id=${stream.id}`),
      await reader("POST", "/status", { stream_id: stream.id, status: "paused" }),
      await reader("POST", "/verify", { stream_id: stream.id }),
    ];
    expect(refused.map(({ status, headers }) => [status, headers.get("www-authenticate")])).toEqual(
      refused.map(() => [403, 'Bearer error="insufficient_scope", scope="ssf.manage"']),
    );
  });

  test("in the query, of another purpose, or revoked is none", async () => {
    const tenant = await createTenant(house);
    const receiver = await receiverOf(house, tenant);
    const asked = [
      await askSsf(house, undefined, "GET", `/streams?access_token=${receiver.token}`),
      await askSsf(house, tenant.feedToken, "GET", "/streams"),
      await askSsf(house, tenant.scimToken, "GET", "/streams"),
      await askSsf(house, "x", "POST", `/streams/${randomUUID()}/poll`, {}),
    ];
    expect(asked.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    const feed = await fetch(`${house.url}/v1/feeds/${tenant.slug}/snapshot`, {
      headers: { authorization: `Bearer ${receiver.token}` },
      redirect: "manual",
    });
    expect(feed.status).toBe(401);
  });

  test("is issued by an admin for one named application, and says what it may", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const path = `/tenants/${tenant.slug}/tokens`;
    const { status, body } = await admin("POST", path, { purpose: "ssf", receiver: "crm", scopes: ["ssf.read"] });
    expect(status).toBe(201);
    expect((await askSsf(house, body["token"] as string, "GET", "/streams")).status).toBe(200);
    expect((await askSsf(house, body["token"] as string, "POST", "/streams", {})).status).toBe(403);
    expect((await admin("POST", path, { purpose: "ssf" })).status).toBe(400);
    expect((await admin("POST", path, { purpose: "feed", receiver: "crm" })).status).toBe(400);
    const { body: list } = await admin("GET", path);
    expect(list["items"]).toContainEqual(expect.objectContaining({ receiver: "crm", scopes: ["ssf.read"] }));
  });
});

describe("a stream", () => {
  test("is made, read, changed, replaced and removed by its receiver", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const receiver = await receiverOf(house, tenant);
    const uri = "https://schemas.openid.net/secevent/caep/event-type/session-revoked";
    const created = await receiver("POST", "/streams", {
      events_requested: [uri, "urn:of:somebody:else"],
      delivery: pushTo(application.url, "Bearer theirs"),
      description: "the CRM",
    });
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      iss: "https://rollcall.test",
      events_requested: [uri, "urn:of:somebody:else"],
      events_delivered: [uri],
      delivery: { method: "urn:ietf:rfc:8935", endpoint_url: application.url },
      description: "the CRM",
    });
    expect(JSON.stringify(created.body)).not.toContain("theirs");
    const id = created.body["stream_id"] as string;
    expect((await receiver("GET", `/streams?stream_id=${id}`)).body).toEqual(created.body);
    expect((await receiver("GET", "/streams")).body).toEqual([created.body]);
    const changed = await receiver("PATCH", "/streams", { ...created.body, stream_id: id, description: "ours" });
    expect(changed.body).toEqual({ ...created.body, description: "ours" });
    const replaced = await receiver("PUT", "/streams", { stream_id: id, events_requested: [] });
    expect(replaced.body).toMatchObject({ events_delivered: [], delivery: { method: "urn:ietf:rfc:8936" } });
    expect(replaced.body).not.toHaveProperty("description");
    expect((await receiver("DELETE", `/streams?stream_id=${id}`)).status).toBe(204);
    expect((await receiver("GET", `/streams?stream_id=${id}`)).status).toBe(404);
  });

  test("is described where the specification says, and takes tokens as it says", async () => {
    const configuration = await (await fetch(`${house.url}/.well-known/ssf-configuration`)).json();
    expect(configuration).toMatchObject({
      spec_version: "1_0",
      issuer: "https://rollcall.test",
      jwks_uri: "https://rollcall.test/ssf/jwks.json",
      delivery_methods_supported: ["urn:ietf:rfc:8935", "urn:ietf:rfc:8936"],
      default_subjects: "ALL",
    });
    const { keys } = (await (await fetch(`${house.url}/ssf/jwks.json`)).json()) as { keys: JWK[] };
    for (const key of keys) expect(Object.keys(key).toSorted()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  test("that is paused keeps what happens, and one that is disabled does not", async () => {
    const tenant = await createTenant(house);
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver);
    const set = (status: string) =>
      receiver("POST", "/status", { stream_id: stream.id, status, reason: "maintenance" });
    expect((await set("paused")).body).toEqual({ stream_id: stream.id, status: "paused", reason: "maintenance" });
    await leave(tenant, "ann");
    expect(await pollAll(receiver, stream)).toEqual([]);
    await set("enabled");
    expect(await pollFor(receiver, stream, 2)).toHaveLength(2);
    await set("disabled");
    await leave(tenant, "bob");
    await set("enabled");
    expect(await pollAll(receiver, stream)).toEqual([]);
  });

  test.each(["push", "poll"])("is verified by %s with the state that was asked for", async (method) => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver, method === "push" ? pushTo(application.url) : undefined);
    const verify = () => receiver("POST", "/verify", { stream_id: stream.id, state: "a state" });
    expect((await verify()).status).toBe(204);
    expect((await verify()).status).toBe(429);
    const token =
      method === "push"
        ? await until("it is pushed", () => application.received[0]?.body)
        : ((await pollFor(receiver, stream, 1))[0] ?? "");
    const set = await verifySet(house, token, stream.aud);
    expect([eventOf(set), set.sub_id]).toEqual(["verification", { format: "opaque", id: stream.id }]);
    expect(Object.values(set.events)[0]).toEqual({ state: "a state" });
  });

  test("that is polled gives again what is not acknowledged, in pages, and no more of what cannot be used", async () => {
    const tenant = await createTenant(house);
    const receiver = await receiverOf(house, tenant);
    const stream = await createStream(receiver);
    for (const sub of ["ann", "bob", "cat"]) await leave(tenant, sub);
    const ask = async (body: object) => {
      const answer = await receiver("POST", `/streams/${stream.id}/poll`, { returnImmediately: true, ...body });
      const sets = Object.entries(answer.body["sets"] as Record<string, string>);
      return {
        ids: sets.map(([id]) => id),
        tokens: sets.map(([, token]) => token),
        more: answer.body["moreAvailable"],
      };
    };
    const first = await ask({ maxEvents: 2 });
    expect([first.ids.length, first.more]).toEqual([2, true]);
    // The very same tokens: a message is signed alike however often it is asked for.
    expect(await ask({ maxEvents: 2 })).toEqual(first);
    expect(await ask({ maxEvents: 0, ack: [first.ids[0], "nobody's", randomUUID()] })).toEqual({
      ids: [],
      tokens: [],
      more: undefined,
    });
    await ask({ maxEvents: 0, setErrs: { [first.ids[1] ?? ""]: { err: "invalid_request", description: "ann" } } });
    expect((await ask({})).ids).not.toContain(first.ids[1]);
    const admin = await adminOf(house, tenant);
    const { body } = await admin("GET", `/tenants/${tenant.slug}/streams/${stream.id}/deliveries?state=dead`);
    expect(body["items"]).toEqual([expect.objectContaining({ id: first.ids[1], lastError: "invalid_request" })]);
    expect((await pollFor(receiver, stream, 4)).length).toBe(4);
  });
});
