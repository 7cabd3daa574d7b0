import { describe, expect, test } from "vitest";
import { countRows, create, createUsers, idIn, membersOf, sendBulk } from "../harness/bulk.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const base = "https://rollcall.test/scim/v2";
const rename = patch({ op: "replace", path: "displayName", value: "Renamed" });

describe("§3.7.2: a bulkId stands for what another operation creates", () => {
  test("in members, in a manager, in a $ref, in a path and in the filter of a path, wherever its operation stands", async () => {
    const tenant = await createTenant(house);
    const answer = await sendBulk(tenant, [
      create("/Groups", "sales", {
        ...newGroup("Sales"),
        members: [{ type: "User", value: "bulkId:ann", $ref: "../Users/bulkId:ann" }, { value: "bulkId:bob" }],
      }),
      create(
        "/Users",
        "bob",
        newUser("bob", { [enterprise]: { department: "Sales", manager: { value: "bulkId:ann" } } }),
      ),
      create("/Users", "ann", newUser("ann")),
      { method: "PATCH", path: "/Users/bulkId:ann", data: patch({ op: "replace", path: "nickName", value: "Annie" }) },
      {
        method: "PATCH",
        path: "/Groups/bulkId:sales",
        data: patch({ op: "remove", path: 'members[value eq "bulkId:bob"]' }),
      },
      {
        method: "PATCH",
        path: "/Users/bulkId:bob",
        data: patch({ op: "add", path: `${enterprise}:manager`, value: "bulkId:bob" }),
      },
      {
        method: "PUT",
        path: "/Groups/bulkId:sales",
        data: { ...newGroup("Sales all"), members: [{ value: "bulkId:ann" }, { value: "bulkId:bob" }] },
      },
    ]);
    expect(answer.statuses).toEqual(["201", "201", "201", "200", "204", "200", "200"]);
    const [sales = "", bob = "", ann = ""] = answer.outcomes.map(idIn);
    expect(answer.outcomes.map(idIn)).toEqual([sales, bob, ann, ann, sales, bob, sales]);
    expect((await tenant.scim("GET", `/Users/${ann}`)).body["nickName"]).toBe("Annie");
    expect((await tenant.scim("GET", `/Users/${bob}`)).body[enterprise]).toMatchObject({
      department: "Sales",
      manager: { value: bob },
    });
    expect(await membersOf(tenant, sales)).toEqual([ann, bob].toSorted());
  });

  test("a reference that leads nowhere fails its operation and nothing else: 400 where nobody creates it, 409 where that failed", async () => {
    const tenant = await createTenant(house);
    await createUsers(tenant, "ann");
    const answer = await sendBulk(tenant, [
      create("/Users", "ann", newUser("ann")),
      create("/Groups", "sales", newGroup("Sales", ["bulkId:ann"])),
      create("/Groups", "support", newGroup("Support", ["bulkId:nobody"])),
      { method: "DELETE", path: "/Users/bulkId:ann" },
      { method: "DELETE", path: "/Users/bulkId:nobody" },
      { method: "PATCH", path: "/Groups/bulkId:sales", data: rename },
      create("/Users", "bob", newUser("bob")),
    ]);
    expect(answer.statuses).toEqual(["409", "409", "400", "409", "400", "409", "201"]);
    expect(answer.outcomes[1]?.response).toMatchObject({ status: "409" });
    expect(await countRows(house, tenant)).toMatchObject({ users: 2, groups: 0 });
  });

  test("who comes back under an old id is meant by its bulkId too", async () => {
    const tenant = await createTenant(house);
    const [ann] = await createUsers(tenant, "ann");
    const answer = await sendBulk(tenant, [
      { method: "DELETE", path: `/Users/${ann}` },
      create("/Users", "again", newUser("ann")),
      create("/Groups", "sales", newGroup("Sales", ["bulkId:again"])),
      { method: "PATCH", path: `/Users/${ann}`, data: rename },
    ]);
    expect(answer.statuses).toEqual(["204", "201", "201", "200"]);
    expect(idIn(answer.outcomes[1])).toBe(ann);
    expect(await membersOf(tenant, idIn(answer.outcomes[2]))).toEqual([ann]);
  });
});

describe("§3.7.1: references in a circle", () => {
  test("between groups, between a group and its member's manager, and to oneself, are closed", async () => {
    const tenant = await createTenant(house);
    const manager = (bulkId: string) => ({ [enterprise]: { manager: { value: `bulkId:${bulkId}` } } });
    const answer = await sendBulk(tenant, [
      create("/Groups", "a", { ...newGroup("A", ["bulkId:b", "bulkId:ann"]), externalId: "g-a" }),
      create("/Groups", "b", newGroup("B", ["bulkId:a"])),
      create("/Users", "ann", newUser("ann", manager("bob"))),
      create("/Users", "bob", newUser("bob", manager("ann"))),
      create("/Users", "chief", newUser("chief", manager("chief"))),
      { method: "PATCH", path: "/Users/bulkId:ann", data: rename },
    ]);
    expect(answer.statuses).toEqual(["201", "201", "201", "201", "201", "200"]);
    const [a = "", b = "", ann = "", bob = "", chief = ""] = answer.outcomes.map(idIn);
    expect(await membersOf(tenant, a)).toEqual([b, ann].toSorted());
    expect(await membersOf(tenant, b)).toEqual([a]);
    for (const [user, boss] of [
      [ann, bob],
      [bob, ann],
      [chief, chief],
    ]) {
      expect((await tenant.scim("GET", `/Users/${user}`)).body[enterprise]).toMatchObject({ manager: { value: boss } });
    }
    // Each is answered with the version that it ended in; Ann was changed once more.
    for (const [nth, { location = "", version = "" }] of answer.outcomes.slice(0, 5).entries()) {
      const renamed = patch({ op: "replace", path: "displayName", value: `Renamed ${nth}` });
      const change = await tenant.scim("PATCH", location.replace(base, ""), renamed, { "if-match": version });
      expect([nth, change.status]).toEqual([nth, [204, 204, 412, 200, 200][nth]]);
    }
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(ann)).toMatchObject({ denials: [] });
  });

  test("of a circle that cannot be closed nothing is there, and the rest of the Bulk is", async () => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Groups", newGroup("B"));
    const answer = await sendBulk(tenant, [
      create("/Groups", "a", newGroup("A", ["bulkId:b"])),
      create("/Groups", "b", newGroup("B", ["bulkId:c"])),
      create("/Groups", "c", newGroup("C", ["bulkId:a"])),
      create("/Groups", "d", newGroup("D", ["bulkId:a"])),
      create("/Groups", "e", newGroup("E")),
    ]);
    expect(answer.statuses).toEqual(["409", "409", "409", "409", "201"]);
    expect(answer.outcomes[1]?.response?.scimType).toBe("uniqueness");
    expect(answer.outcomes.slice(0, 4).map(({ location }) => location)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    expect(await countRows(house, tenant)).toEqual({ users: 0, groups: 2, events: 2 });
  });

  test("a circle of a hundred is closed, and one of a hundred and one is refused as a whole", async () => {
    const tenant = await createTenant(house);
    const ring = (name: string, size: number) =>
      Array.from({ length: size }, (_, nth) => {
        const manager = { value: `bulkId:${name}${(nth + 1) % size}` };
        return create("/Users", `${name}${nth}`, newUser(`${name}${nth}`, { [enterprise]: { manager } }));
      });
    expect(new Set((await sendBulk(tenant, ring("a", 100))).statuses)).toEqual(new Set(["201"]));
    expect(new Set((await sendBulk(tenant, ring("b", 101))).statuses)).toEqual(new Set(["409"]));
    expect(await countRows(house, tenant)).toMatchObject({ users: 100 });
  });
});
