import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { activeOf, at, createReceiverScene } from "../harness/receiver-scene.ts";
import { scimEvents } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import type { TestTenant } from "../harness/tenant.ts";

const house = await openHouse();
const { scene, tell } = createReceiverScene(house, await openIssuer());

describe("SCIM events", () => {
  const ann = { format: "scim", uri: "/Users/u-1", externalId: "ann" };

  test("deactivate, activate and delete", async () => {
    const { tenant, source } = await scene();
    await tell(source, ann, { [`${scimEvents}prov:deactivate`]: {} }, { toe: at(9) });
    expect(await activeOf(tenant)).toBe(false);
    await tell(source, ann, { [`${scimEvents}prov:activate`]: {} });
    expect(await activeOf(tenant)).toBe(false);
    await tell(source, ann, { [`${scimEvents}prov:activate`]: {} }, { toe: at(8) });
    expect(await activeOf(tenant)).toBe(true);
    await tell(source, ann, { "urn:ietf:params:SCIM:event:prov:delete": {} }, { toe: at(7) });
    expect(await namesOf(tenant)).toEqual(["bob@example.test"]);
  });

  test("a whole user is created and changed by what the event states", async () => {
    const { tenant, source } = await scene();
    const eve = { format: "scim", uri: "/Users/u-3", externalId: "eve" };
    const data = { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], id: "u-3", userName: "eve@example.test" };
    await tell(source, eve, { [`${scimEvents}prov:create:full`]: { data } });
    expect(await namesOf(tenant)).toEqual(["ann@example.test", "bob@example.test"]);
    await tell(source, eve, { [`${scimEvents}prov:create:full`]: { data } }, { toe: at(9) });
    await tell(
      source,
      eve,
      { [`${scimEvents}prov:put:full`]: { data: { ...data, displayName: "Eve", active: true } } },
      { toe: at(8) },
    );
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "eve"');
    expect(body["Resources"]).toMatchObject([{ userName: "eve@example.test", displayName: "Eve", active: true }]);
  });

  test("a PATCH states what it sets, and shuts out whoever it makes inactive", async () => {
    const { tenant, source } = await scene();
    const patch = (...Operations: readonly object[]) => ({
      [`${scimEvents}prov:patch:full`]: { data: { Operations } },
    });
    await tell(source, ann, patch({ op: "replace", path: "displayName", value: "Anna" }), { toe: at(9) });
    await tell(source, ann, patch({ op: "add", path: "emails", value: [{ value: "anna@example.test" }] }), {
      toe: at(8),
    });
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "ann"');
    expect(body["Resources"]).toMatchObject([{ displayName: "Anna", active: true }]);
    expect((await outcomesOf(tenant)).map(({ outcome }) => outcome)).toEqual(["written", "no_state"]);
    await tell(
      source,
      ann,
      patch(
        { op: "replace", path: 'emails[type eq "work"].value', value: "x" },
        { op: "Replace", value: { active: false } },
      ),
    );
    expect(await activeOf(tenant)).toBe(false);
  });

  test.each([
    { op: "Replace", path: "Active", value: "False" },
    { op: "replace", path: "active", value: false },
    { op: "replace", value: { ACTIVE: "false" } },
    { op: "remove", path: "Active" },
  ])("a PATCH that makes somebody inactive does so however it is spelt: %o", async (operation) => {
    const { tenant, source } = await scene();
    const content = { data: { Operations: [{ op: "replace", path: "active", value: true }, operation] } };
    await tell(source, ann, { [`${scimEvents}prov:patch:full`]: content }, { toe: at(1) });
    expect(await activeOf(tenant)).toBe(false);
  });

  test("a whole user who is not active is shut out, however that is spelt", async () => {
    for (const stated of [{ active: false }, { active: "False" }, { Active: false }]) {
      const { tenant, source } = await scene();
      const data = { userName: "ann@example.test", ...stated };
      await tell(source, ann, { [`${scimEvents}prov:put:full`]: { data } });
      expect(await activeOf(tenant)).toBe(false);
    }
  });

  test("a provider's own id takes no other's place where the directory keeps another's", async () => {
    const { tenant, source } = await scene({ idAttribute: "none" });
    const data = { userName: "ann@example.test", externalId: "u-1", displayName: "Ann" };
    await tell(
      source,
      { format: "scim", uri: "/Users/u-1" },
      { [`${scimEvents}prov:put:full`]: { data } },
      { toe: at(1) },
    );
    const { body } = await tenant.scim("GET", '/Users?filter=externalId eq "ann"');
    expect(body["Resources"]).toMatchObject([{ displayName: "Ann" }]);
  });

  test("a notice, and a feed that somebody leaves, say that something changed and not what", async () => {
    const { tenant, source } = await scene();
    for (const type of ["prov:patch:notice", "prov:put:notice", "feed:add", "feed:remove"])
      expect((await tell(source, ann, { [scimEvents + type]: { attributes: ["active"] } })).status).toBe(202);
    expect(await activeOf(tenant)).toBe(true);
    expect((await outcomesOf(tenant)).map(({ outcome }) => outcome)).toEqual(Array(4).fill("no_state"));
  });
});

async function namesOf(tenant: TestTenant): Promise<readonly string[]> {
  const { body } = await tenant.scim("GET", "/Users?sortBy=userName");
  return (body["Resources"] as readonly { readonly userName: string }[]).map(({ userName }) => userName);
}

function outcomesOf(tenant: TestTenant) {
  return house.database.once<{ readonly kind: string; readonly outcome: string }>(
    tenant.id,
    sql`SELECT kind, outcome FROM source_event ORDER BY accepted_at`,
  );
}
