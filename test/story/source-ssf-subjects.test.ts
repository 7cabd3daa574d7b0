import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { activeOf, at, createReceiverScene, errorOf } from "../harness/receiver-scene.ts";
import { caep, risc } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import type { TestTenant } from "../harness/tenant.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const transmitter = await openIssuer();
const { scene, tell } = createReceiverScene(house, transmitter);

describe("whom it is about", () => {
  const subjects: Readonly<Record<string, (tenant: TestTenant) => unknown>> = {
    iss_sub: ({ issuer }) => ({ format: "iss_sub", iss: issuer, sub: "ann" }),
    email: () => ({ format: "email", email: "Ann@Example.test" }),
    account: () => ({ format: "account", uri: "acct:ann@example.test" }),
    opaque: () => ({ format: "opaque", id: "ann" }),
    "aliases, of which one is known": () => ({
      format: "aliases",
      identifiers: [
        { format: "phone_number", phone_number: "+15551234567" },
        { format: "email", email: "ann@example.test" },
      ],
    }),
    "the user of a complex subject": ({ issuer }) => ({
      format: "complex",
      user: { format: "iss_sub", iss: issuer, sub: "ann" },
      device: { format: "opaque", id: "laptop" },
      tenant: { format: "opaque", id: "acme" },
    }),
    "scim by externalId": () => ({ format: "scim", uri: "/Users/44f6142d", externalId: "ann" }),
    "scim by the provider's own id": () => ({ format: "scim", uri: "https://scim.idp.test/v2/Users/ann" }),
  };

  test.each(Object.keys(subjects))("is told by %s", async (name) => {
    const { tenant, source } = await scene();
    await tell(source, subjects[name]?.(tenant), { [`${risc}account-disabled`]: { event_timestamp: at(1) } });
    expect(await activeOf(tenant)).toBe(false);
    expect(await activeOf(tenant, "bob")).toBe(true);
  });

  test("is told within the event, by Okta and by the drafts, with its time in milliseconds", async () => {
    for (const subject of [
      { user: { format: "iss_sub", iss: transmitter.issuer, sub: "ann" }, device: { format: "opaque", id: "d" } },
      { subject_type: "iss-sub", iss: transmitter.issuer, sub: "ann" },
      { subject_type: "email", email: "ann@example.test" },
    ]) {
      const { tenant, source } = await scene({ sub: "id" });
      const content = { subject, event_timestamp: at(5) * 1_000 };
      const answer = await tell(source, undefined, { [`${caep}session-revoked`]: content });
      expect(answer.status).toBe(202);
      await untilQuiet(house, tenant.id);
      const { "sub ann": entry } = await entriesOf(tenant);
      expect(Math.abs((entry?.nbf ?? 0) - (at(5) + 1))).toBeLessThanOrEqual(1);
    }
  });

  test("is never everybody: a tenant, a device or nobody is refused, and nothing happens", async () => {
    const { tenant, source } = await scene();
    for (const sub_id of [
      { format: "complex", tenant: { format: "opaque", id: "acme" } },
      { format: "complex", device: { format: "opaque", id: "laptop" } },
      { format: "ip-addresses", "ip-addresses": ["10.0.0.1"] },
      { format: "iss_sub", iss: tenant.issuer },
      { format: "complex", session: { format: "unheard-of" }, user: { format: "email", email: "ann@example.test" } },
      "ann",
      undefined,
    ])
      for (const type of [`${risc}account-disabled`, `${caep}session-revoked`]) {
        const answer = await tell(source, sub_id, { [type]: { event_timestamp: at(1) } });
        expect([answer.status, (await errorOf(answer)).err]).toEqual([400, "invalid_request"]);
      }
    await untilQuiet(house, tenant.id);
    expect(await entriesOf(tenant)).toEqual({});
    expect(await activeOf(tenant)).toBe(true);
  });

  test("is nobody of another issuer: a transmitter ends no sessions of issuers that are not its connection's", async () => {
    const { tenant, source } = await scene();
    const stranger = { format: "iss_sub", iss: "https://other.idp.test", sub: "ann" };
    await tell(source, stranger, { [`${caep}session-revoked`]: { event_timestamp: at(1) } });
    await tell(
      source,
      { format: "complex", user: stranger, session: { format: "opaque", id: "s-9" } },
      { [`${caep}session-revoked`]: { event_timestamp: at(1) } },
    );
    const struck = await house.database.once(tenant.id, sql`SELECT scope, iss, sub FROM revocation ORDER BY scope`);
    expect(struck).toEqual([{ scope: "sid", iss: tenant.issuer, sub: "s-9" }]);
  });
});

/** What gateways hold, by scope and name. */
async function entriesOf(tenant: TestTenant) {
  const rows = await house.database.once<{ scope: string; sub: string; deny: boolean; nbf: number | null }>(
    tenant.id,
    sql`SELECT scope, sub, deny, nbf FROM revocation WHERE deny OR nbf IS NOT NULL`,
  );
  return Object.fromEntries(
    rows.map(({ scope, sub, deny, nbf }) => [`${scope} ${sub}`, { op: deny ? "deny" : "nbf", nbf: Number(nbf) }]),
  );
}
