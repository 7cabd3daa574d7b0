import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { listGateways, recordReceipts, resolveSubject } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { openHouse, quietLog } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

// Nobody applies anything here unless a story says so: what is answered comes from the directory.
const house = await openHouse({ without: ["worker"] });
const resolve = (tenant: TestTenant, sub: string) => resolveSubject(house.database, tenant.id, tenant.issuer, sub);

describe("ahead of the workers", () => {
  test.each([
    { subjectAttribute: "externalId", subjectCompare: "exact", sub: "00u1", stranger: "00U1" },
    {
      subjectAttribute: "userName",
      subjectCompare: "casefold",
      sub: "00U1@EXAMPLE.test",
      stranger: "00u2@example.test",
    },
    { subjectAttribute: "userName", subjectCompare: "exact", sub: "00u1@example.test", stranger: "00U1@example.test" },
    {
      subjectAttribute: "emails[primary]",
      subjectCompare: "casefold",
      sub: "Ann@mail.test",
      stranger: "bob@mail.test",
    },
    { subjectAttribute: "name.familyName", subjectCompare: "exact", sub: "Ångström", stranger: "ångström" },
  ])(
    "a joiner is known by $subjectAttribute, compared $subjectCompare, in the very next question",
    async ({ sub, stranger, ...rule }) => {
      const tenant = await createTenant(house, rule);
      expect(await resolve(tenant, sub)).toEqual({ status: "unknown", reason: "never_provisioned" });
      const more = { name: { familyName: "Ångström" }, emails: [{ value: "ann@mail.test", primary: true }] };
      const { body } = await tenant.scim("POST", "/Users", newUser("00u1", more));
      expect(await resolve(tenant, sub)).toEqual({
        status: "active",
        userId: body["id"],
        userName: "00u1@example.test",
        groups: [],
      });
      expect(await resolve(tenant, stranger)).toMatchObject({ status: "unknown" });
    },
  );

  test("a leaver is refused before any worker has come to it, deleted or inactive", async () => {
    const tenant = await createTenant(house);
    const { body } = await tenant.scim("POST", "/Users", newUser("00u1"));
    await tenant.scim("PUT", `/Users/${body["id"] as string}`, newUser("00u1", { active: false }));
    expect(await resolve(tenant, "00u1")).toEqual({ status: "denied", reason: "idp_inactive" });
    await tenant.scim("DELETE", `/Users/${body["id"] as string}`);
    expect(await resolve(tenant, "00u1")).toEqual({ status: "denied", reason: "idp_deleted" });
  });

  test("a joiner's groups are known with the joiner", async () => {
    const tenant = await createTenant(house);
    const { body } = await tenant.scim("POST", "/Users", newUser("00u1"));
    const schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    const group = await tenant.scim("POST", "/Groups", {
      schemas,
      displayName: "Staff",
      members: [{ value: body["id"] }],
    });
    expect(group.status).toBe(201);
    expect(await resolve(tenant, "00u1")).toMatchObject({ status: "active", groups: ["Staff"] });
  });

  test("one tenant's joiner is nobody in another, though both name the issuer", async () => {
    const mine = await createTenant(house);
    const theirs = await createTenant(house, { issuer: mine.issuer });
    await theirs.scim("POST", "/Users", newUser("00u1"));
    expect(await resolve(mine, "00u1")).toEqual({ status: "unknown", reason: "never_provisioned" });
  });
});

test("a subject that passes from a leaver to a joiner names nobody until the leaver's tokens are dead", async () => {
  const tenant = await createTenant(house, { subjectAttribute: "userName" });
  const drain = createDrain({ database: house.database, log: quietLog, newId });
  const apply = async (): Promise<void> => {
    for (let lane = 0; lane < 32; lane += 1) await drain(lane);
  };
  const old = await tenant.scim("POST", "/Users", newUser("00u1", { userName: "desk@example.test" }));
  await apply();
  await tenant.scim("DELETE", `/Users/${old.body["id"] as string}`);
  await apply();
  const heir = await tenant.scim("POST", "/Users", newUser("00u2", { userName: "desk@example.test" }));
  expect(heir.body["id"]).not.toBe(old.body["id"]);
  expect(await resolve(tenant, "desk@example.test")).toMatchObject({ status: "denied" });
  await apply();
  expect(await resolve(tenant, "desk@example.test")).toMatchObject({ status: "active", userId: heir.body["id"] });
});

test("a gateway's last word replaces the one before, and says how far it is behind", async () => {
  const tenant = await createTenant(house);
  const receipt = { gateway: "edge", epoch: 1, seq: 0, asOf: new Date(), entries: 0, digest: Buffer.alloc(32) };
  await recordReceipts(house.database, tenant.id, [{ ...receipt, maxTtlSec: 900 }], 30);
  await recordReceipts(house.database, tenant.id, [receipt, { ...receipt, gateway: "lost", epoch: 2 }], 30);
  const { items } = await listGateways(house.database, tenant.id, 30, { after: undefined, limit: 10 });
  const told = items.map(({ name, behind, maxTtlSec }) => ({ name, behind, maxTtlSec }));
  expect(told.toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
    { name: "edge", behind: 0, maxTtlSec: 900 },
    { name: "lost", behind: undefined, maxTtlSec: undefined },
  ]);
});
