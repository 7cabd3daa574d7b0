import { connectionKinds } from "@rollcall/core/domain";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createUser, readEdges } from "../harness/neighbours.ts";
import { createTenant, deactivate, newGroup, newUser, patch, reactivate } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

/** What could be lost or let in by taking a word for another. Each story is told of one threat. */
const house = await openHouse();

describe("T14: a group of thousands", () => {
  test("loses whom a removal names, and nobody else", async () => {
    const tenant = await createTenant(house, { kind: "entra" });
    const members = Array.from({ length: 10_000 }, (_none, index) => `e-${index}`);
    const group = await tenant.scim("POST", "/Groups", newGroup("Everybody", members));
    const path = `/Groups/${group.body["id"] as string}`;
    const named = members.slice(0, 3).map((value) => ({ $ref: null, value }));
    expect((await tenant.scim("PATCH", path, patch({ op: "Remove", path: "members", value: named }))).status).toBe(204);
    expect((await tenant.scim("PATCH", path, patch({ op: "Remove", path: "members" }))).status).toBe(400);
    expect((await tenant.scim("PATCH", path, patch({ op: "Remove", path: "members", value: [] }))).status).toBe(204);
    expect(await readEdges(house, tenant)).toEqual(members.slice(3).toSorted());
  });

  test("is not emptied by silence but where the profile says so, and not by a request that is refused", async () => {
    for (const [kind, left] of [
      ["okta", 2],
      ["entra", 2],
      ["scim", 2],
      ["keycloak", 0],
    ] as const) {
      const tenant = await createTenant(house, { kind });
      const group = await tenant.scim("POST", "/Groups", newGroup("Sales", ["a", "b"]));
      const path = `/Groups/${group.body["id"] as string}`;
      const half = patch(
        { op: "replace", path: "members", value: [] },
        { op: "replace", path: "displayName", value: "" },
      );
      expect((await tenant.scim("PATCH", path, half)).status).toBe(400);
      expect((await tenant.scim("PUT", path, { displayName: "Sales" })).status).toBe(200);
      expect([kind, (await readEdges(house, tenant)).length]).toEqual([kind, left]);
    }
  });

  test("is emptied by a removal that names nobody where the sender is no provider or an admin has permitted it", async () => {
    const removal = patch({ op: "remove", path: "members" });
    const entra = { "user-agent": "Microsoft Azure AD SCIM provisioning" };
    const rows: readonly (readonly [string, Readonly<Record<string, string>>, Record<string, string>, number])[] = [
      ...connectionKinds.map((kind) => [kind, {}, {}, kind === "scim" ? 0 : 2] as const),
      ["okta", { removeAllMembers: "permit" }, {}, 0],
      ["scim", { removeAllMembers: "refuse" }, {}, 2],
      // Who tells of itself that it is a provider is read as carefully as one.
      ["scim", {}, entra, 2],
      ["scim", { removeAllMembers: "permit" }, entra, 0],
    ];
    for (const [kind, dialect, headers, left] of rows) {
      const tenant = await createTenant(house, { kind, dialect });
      const group = await tenant.scim("POST", "/Groups", newGroup("Sales", ["a", "b"]));
      await tenant.scim("PATCH", `/Groups/${group.body["id"] as string}`, removal, headers);
      expect([kind, (await readEdges(house, tenant)).length]).toEqual([kind, left]);
    }
  });
});

describe("T15: active as a word", () => {
  const off = [false, "false", "False", "FALSE", "fAlSe"];
  const on = [true, "true", "True", "TRUE", "tRuE"];
  const neither = ["", " ", "0", "1", "no", "yes", "off", "falsе", "disabled", "null", 0, 1, null, [], {}, [false]];

  test("denies for every spelling of false, and for nothing but true lets in", async () => {
    const tenant = await createTenant(house, { kind: "entra" });
    const id = await createUser(house, tenant, "ann");
    const setBy = [
      (value: unknown) => patch({ op: "Replace", path: "active", value }),
      (value: unknown) => patch({ op: "replace", value: { Active: value } }),
    ];
    for (const change of setBy) {
      for (const value of off) {
        await tenant.scim("PATCH", `/Users/${id}`, reactivate);
        expect((await tenant.scim("PATCH", `/Users/${id}`, change(value))).body["active"]).toBe(false);
      }
      for (const value of neither) {
        expect([value, (await tenant.scim("PATCH", `/Users/${id}`, change(value))).status]).toEqual([value, 400]);
        expect((await tenant.scim("GET", `/Users/${id}`)).body["active"]).toBe(false);
      }
      for (const value of on) {
        await tenant.scim("PATCH", `/Users/${id}`, deactivate);
        expect((await tenant.scim("PATCH", `/Users/${id}`, change(value))).body["active"]).toBe(true);
      }
    }
    await tenant.scim("PUT", `/Users/${id}`, newUser("ann", { active: "False" }));
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)?.denials).toEqual(["idp_inactive"]);
  });
});

describe("T16: names that look alike", () => {
  const alike = [
    "ANN.MIKE@ex.test",
    "ann.mike@EX.test",
    "\uff41\uff4e\uff4e.mike@ex.test",
    "ann.mi\u212ae@ex.test",
    "ann.mike@ex\uff0etest",
  ];
  const invisible = [
    "ann\u200b@ex.test",
    "\u202eann@ex.test",
    "ann\u00ad@ex.test",
    "ann\u3164@ex.test",
    " ann@ex.test",
    "ann\n@ex.test",
  ];

  test("are one name, which is shown as it was written and found however it is asked for", async () => {
    const tenant = await createTenant(house);
    const first = await tenant.scim("POST", "/Users", { userName: "Ann.Mike@ex.test", externalId: "one" });
    expect(first.body["userName"]).toBe("Ann.Mike@ex.test");
    for (const userName of alike) {
      const answer = await tenant.scim("POST", "/Users", { userName, externalId: "two" });
      expect([userName, answer.status]).toEqual([userName, 409]);
      const found = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`userName eq "${userName}"`)}`);
      expect([userName, found.body["totalResults"]]).toEqual([userName, 1]);
    }
  });

  test("what nobody can see is in no name", async () => {
    const tenant = await createTenant(house);
    for (const userName of invisible)
      expect([userName, (await tenant.scim("POST", "/Users", { userName })).status]).toEqual([userName, 400]);
  });

  test("letters that only look alike are two names, and neither is taken for the other", async () => {
    // Such names exist, from before the rule that refuses new ones.
    const tenant = await createTenant(house, { dialect: { lookAlikeNames: "permit" } });
    const ids = new Set<unknown>();
    for (const [index, userName] of ["mike@ex.test", "mıke@ex.test", "mike@ех.test"].entries())
      ids.add((await tenant.scim("POST", "/Users", { userName, externalId: `e${index}` })).body["id"]);
    expect(ids.size).toBe(3);
  });
});
