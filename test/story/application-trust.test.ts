import { randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { createOutward } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { startEgress } from "@rollcall/feed";
import {
  askSsf,
  createStream,
  createWebhook,
  openApplication,
  pollAll,
  pollFor,
  receiverOf,
  verifySet,
} from "../harness/application.ts";
import { cloneDatabase, newSsfKeys, openHouse, quietLog } from "../harness/house.ts";
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

describe("a receiver of one tenant", () => {
  test("is told nothing of another's, though both know the same subject of the same issuer", async () => {
    const issuer = `https://login.${randomUUID()}.test`;
    const [mine, theirs] = [await createTenant(house, { issuer }), await createTenant(house, { issuer })];
    const [own, other] = [await receiverOf(house, mine), await receiverOf(house, theirs)];
    const [ownStream, otherStream] = [await createStream(own), await createStream(other)];
    const application = await openApplication();
    await createWebhook(house, mine, application.url);
    await leave(theirs, "ann");
    expect(await pollAll(own, ownStream)).toEqual([]);
    expect(await pollFor(other, otherStream, 2)).toHaveLength(2);
    await leave(mine, "ann");
    await until("its own arrive", () => application.received.length === 2);
    const data = application.received.map(({ body }) => (JSON.parse(body) as { data: { tenantId: string } }).data);
    expect(new Set(data.map(({ tenantId }) => tenantId))).toEqual(new Set([mine.id]));
    expect(ownStream.aud).not.toBe(otherStream.aud);
  });

  test("finds no stream of another receiver's, whatever it asks of it", async () => {
    const tenant = await createTenant(house);
    const stranger = await createTenant(house);
    const stream = await createStream(await receiverOf(house, tenant, "crm"));
    await leave(tenant, "ann");
    const others = [await receiverOf(house, tenant, "erp"), await receiverOf(house, stranger, "crm")];
    for (const other of others) {
      const named = `stream_id=${stream.id}`;
      const body = { stream_id: stream.id };
      const answers = [
        await other("GET", `/streams?${named}`),
        await other("PATCH", "/streams", { ...body, description: "mine" }),
        await other("PUT", "/streams", body),
        await other("DELETE", `/streams?${named}`),
        await other("GET", `/status?${named}`),
        await other("POST", "/status", { ...body, status: "disabled" }),
        await other("POST", "/verify", body),
        await other("POST", `/streams/${stream.id}/poll`, { returnImmediately: true }),
      ];
      expect(answers.map(({ status, body: { code } }) => [status, code])).toEqual(
        answers.map(() => [404, "not_found"]),
      );
      expect((await other("GET", "/streams")).body).toEqual([]);
    }
  });

  test("cannot settle what is another's", async () => {
    const tenant = await createTenant(house);
    const [crm, erp] = [await receiverOf(house, tenant, "crm"), await receiverOf(house, tenant, "erp")];
    const [crmStream, erpStream] = [await createStream(crm), await createStream(erp)];
    await leave(tenant, "ann");
    const { body } = await crm("POST", `/streams/${crmStream.id}/poll`, { returnImmediately: true });
    const ack = Object.keys(body["sets"] as object);
    await erp("POST", `/streams/${erpStream.id}/poll`, { ack, setErrs: {}, returnImmediately: true });
    const again = await crm("POST", `/streams/${crmStream.id}/poll`, { returnImmediately: true });
    expect(Object.keys(again.body["sets"] as object)).toEqual(ack);
  });
});

describe("keys and secrets are rotated", () => {
  test("and what the old key signed is verified as long as it is published, under the same kid", async () => {
    const databaseUrl = await cloneDatabase();
    const [before, after] = [await newSsfKeys(), await newSsfKeys()].map(
      (text) => (JSON.parse(text) as { keys: JWK[] }).keys[0],
    );
    const signedBy = async (keys: readonly (JWK | undefined)[]) => {
      const own = await openHouse({ databaseUrl, ssfKeys: JSON.stringify({ keys }), without: ["worker", "publisher"] });
      return own;
    };
    const [first, second] = [await signedBy([before, after]), await signedBy([after, before])];
    const working = await openHouse({ databaseUrl });
    const tenant = await createTenant(working);
    const receiver = await receiverOf(first, tenant);
    const stream = await createStream(receiver);
    await leave(tenant, "ann", working);
    const sets = await Promise.all(
      [first, second].map(async (own) => {
        const { body } = await askSsf(own, receiver.token, "POST", `/streams/${stream.id}/poll`, {
          returnImmediately: true,
        });
        return Object.values(body["sets"] as Record<string, string>)[0] ?? "";
      }),
    );
    const kids = sets.map(
      (token) => (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as JWK).kid,
    );
    expect(kids).toEqual([before?.kid, after?.kid]);
    for (const own of [first, second])
      for (const token of sets) expect((await verifySet(own, token, stream.aud)).jti).toBeTruthy();
    await expect(verifySet(working, sets[0] ?? "", stream.aud)).rejects.toThrow();
  });

  test("and a webhook is signed with both secrets for a day, and with the new one alone after it", async () => {
    const tenant = await createTenant(house);
    const application = await openApplication();
    const { id, secret, admin } = await createWebhook(house, tenant, application.url, ["user.denied"]);
    const path = `/tenants/${tenant.slug}/webhooks/${id}`;
    const { body } = await admin("POST", `${path}/rotate`, {});
    const renewed = body["secret"] as string;
    expect(renewed).toMatch(/^whsec_/);
    expect(renewed).not.toBe(secret);
    await leave(tenant, "ann");
    await until("it arrives", () => application.received.length === 1);
    const accepts = (key: string, index: number) => {
      const { body: text = "", headers = {} } = application.received[index] ?? {};
      try {
        new Webhook(key).verify(text, { ...headers });
        return true;
      } catch {
        return false;
      }
    };
    expect([accepts(secret, 0), accepts(renewed, 0)]).toEqual([true, true]);
    await house.database.once(tenant.id, sql`UPDATE subscription SET former_until = now()`);
    await leave(tenant, "bob");
    await until("the next arrives", () => application.received.length === 2);
    expect([accepts(secret, 1), accepts(renewed, 1)]).toEqual([false, true]);
    // It is shown once: nowhere after, and not to whoever has a copy of the database.
    expect(JSON.stringify((await admin("GET", path)).body)).not.toContain("whsec_");
    const [row] = await house.database.once<{ text: string }>(
      tenant.id,
      sql`SELECT encode(secret, 'escape') || coalesce(encode(former_secret, 'escape'), '') AS text FROM subscription`,
    );
    expect(row?.text).not.toContain(renewed.slice(6, 20));
  });

  test.each([
    ["a public key", async () => ({ ...(await exportJWK((await generateKeyPair("RS256")).publicKey)), kid: "k" })],
    [
      "a key of another kind",
      async () => ({
        ...(await exportJWK((await generateKeyPair("EdDSA", { extractable: true })).privateKey)),
        kid: "k",
      }),
    ],
    ["a key without a name", async () => exportJWK((await generateKeyPair("RS256", { extractable: true })).privateKey)],
    [
      "a short key",
      async () => ({ kty: "RSA", n: Buffer.alloc(128, 1).toString("base64url"), e: "AQAB", d: "AQAB", kid: "k" }),
    ],
  ])("and %s signs nothing: nobody starts with it", async (_name, make) => {
    const { database, credentials } = house;
    const ssfKeys = JSON.stringify({ keys: [await make()] });
    const outward = createOutward({ loopback: false });
    const starting = startEgress({
      database,
      credentials,
      outward,
      ssfKeys,
      publicUrl: "https://rollcall.test",
      log: quietLog,
      newId: randomUUID,
      now: Date.now,
    });
    await expect(starting).rejects.toThrow(/SSF_KEYS must hold/);
  });
});
