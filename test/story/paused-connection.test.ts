import { randomUUID } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { SourceKind } from "@rollcall/core/domain";
import { sql } from "@rollcall/core/store";
import { readDelivery } from "../deliveries/read-delivery.ts";
import { addSource, type HookSource, tell } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import { notify } from "../harness/read-back-scene.ts";
import { addReceiver, push, risc, type Said, secondsOf, setOf } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { addVendor, deliver, post, provision, type VendorName, vendors } from "../harness/vendor-hooks.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const provider = await openIssuer("RS256");
const now = (): number => secondsOf(new Date());

type Sender = {
  /** Says something that takes nothing from anybody; undefined where the source can say no such thing. */
  readonly change?: () => Promise<Response>;
  readonly denial: () => Promise<Response>;
};

/** Every source that is sent to; one that is polled is in `source-ssf-poll-paused`. */
const senders: Readonly<Record<Exclude<SourceKind, "ssf_poll">, (tenant: TestTenant) => Promise<Sender>>> = {
  webhook: async (tenant) => {
    const source = await addSource(house, tenant, "webhook");
    return {
      change: () => tell(source, { type: "user.updated", data: { externalId: "ann", displayName: "Ann" } }),
      denial: () => tell(source, { type: "user.disabled", data: { externalId: "ann" } }),
    };
  },
  okta: vendor(
    "okta",
    '{"data":{"events":[{"uuid":"c","eventType":"user.account.update_profile","target":[{"id":"ann","type":"User"}]}]}}',
  ),
  auth0: vendor("auth0", readDelivery("auth0/created.json")),
  auth0_logs: vendor("auth0_logs", '[{"log_id":"c","data":{"type":"ss","user_id":"auth0|ann"}}]'),
  keycloak: vendor("keycloak_hmac", readDelivery("keycloak/user-create.json")),
  workos: vendor("workos", readDelivery("workos/created.json")),
  ssf_push: async (tenant) => {
    const source = await addReceiver(house, tenant, provider);
    const says = async (events: Said["events"]) =>
      push(source, await setOf(provider, { sub_id: { format: "iss_sub", iss: tenant.issuer, sub: "ann" }, events }));
    return {
      change: () => says({ [`${risc}account-enabled`]: { event_timestamp: now() } }),
      denial: () => says({ [`${risc}account-disabled`]: { event_timestamp: now() } }),
    };
  },
  token_revocation: async (tenant) => {
    const source = await addSource(house, tenant, "token_revocation", { issuer: provider.issuer });
    const aud = `https://rollcall.test/hooks/${source.id}`;
    const claims = { iss: provider.issuer, aud, jti: randomUUID(), iat: now(), exp: now() + 120 };
    const bearer = await provider.sign(claims, { typ: "global-token-revocation+jwt" });
    return {
      denial: () =>
        fetch(source.url, {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
          body: JSON.stringify({ sub_id: { format: "opaque", id: "ann" } }),
        }),
    };
  },
  logout: async (tenant) => {
    const source = await addSource(house, tenant, "logout", { issuer: provider.issuer, audience: "crm" });
    const claims = { iss: provider.issuer, aud: "crm", jti: randomUUID(), iat: now(), exp: now() + 120, sub: "ann" };
    const events = { "http://schemas.openid.net/event/backchannel-logout": {} };
    const token = await provider.sign({ ...claims, events }, { typ: "logout+jwt" });
    return {
      denial: () => fetch(source.url, { method: "POST", body: new URLSearchParams({ logout_token: token }) }),
    };
  },
  graph: async (tenant) => {
    const source = await addSource(house, tenant, "graph");
    return {
      change: () => notify(source, [{ id: "ann" }]),
      denial: () => notify(source, [{ id: "ann", changeType: "deleted" }]),
    };
  },
  google: async (tenant) => {
    const source = await addSource(house, tenant, "google");
    const state = JSON.stringify({ channels: [{ id: "channel" }] });
    await database.once(tenant.id, sql`UPDATE event_source SET state = ${state}::jsonb WHERE id = ${source.id}`);
    return { change: () => messageOf(source, "update", 1), denial: () => messageOf(source, "delete", 2) };
  },
};

describe.each(Object.entries(senders))("%s, while its connection is paused,", (_kind, open) => {
  test("has denials taken, and is told to send the rest again: which is taken after the resume", async () => {
    const tenant = await createTenant(house);
    await provision(tenant, "ann");
    const { change, denial } = await open(tenant);
    await pause(tenant, true);
    if (change !== undefined) {
      const refused = await change();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "60"]);
      expect(await refused.json()).toMatchObject({ status: 503, code: "connection_paused" });
      expect(await countTold(tenant)).toBe(0);
    }
    expect((await denial()).status).toBeLessThan(300);
    const denied = await countTold(tenant);
    expect(denied).toBeGreaterThan(0);
    await pause(tenant, false);
    if (change === undefined) return;
    expect((await change()).status).toBeLessThan(300);
    expect(await countTold(tenant)).toBeGreaterThan(denied);
  });
});

function vendor(name: VendorName, change: string): (tenant: TestTenant) => Promise<Sender> {
  return async (tenant) => {
    const source = await addVendor(house, tenant, name);
    return { change: () => post(source, name, change), denial: () => deliver(source, name, vendors[name].leaver) };
  };
}

function messageOf({ url, secret }: HookSource, state: string, number: number): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "x-goog-channel-id": "channel",
      "x-goog-channel-token": secret,
      "x-goog-resource-state": state,
      "x-goog-message-number": String(number),
    },
    body: JSON.stringify({ id: "ann" }),
  });
}

async function pause({ id, connectionId }: TestTenant, paused: boolean): Promise<void> {
  await database.once(
    id,
    sql`UPDATE connection SET paused_at = CASE WHEN ${paused} THEN now() END WHERE id = ${connectionId}`,
  );
}

/** How many events were taken in. */
async function countTold({ id }: TestTenant): Promise<number> {
  return (await database.once(id, sql`SELECT outcome FROM source_event`)).length;
}
