import { newId } from "@rollcall/core/runtime";
import { linkUser, unlinkUser } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { act, createPerson, idOf } from "../harness/linked-person.ts";
import { readRows } from "../harness/neighbours.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

// The story says when a worker comes: nothing is applied before `settle`.
const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const person = () => createPerson(house, drain);

describe("a link that must not be", () => {
  test("changes nothing: in a circle, in a chain, of a user who is linked already, of the dead, of another tenant's", async () => {
    const one = await person();
    const { tenant } = one;
    const [third, dead] = [
      idOf(await tenant.scim("POST", "/Users", newUser("third"))),
      idOf(await tenant.scim("POST", "/Users", newUser("dead"))),
    ];
    await tenant.scim("DELETE", `/Users/${dead}`);
    await one.link();
    await one.settle();
    const stranger = await createTenant(house);
    const foreign = idOf(await stranger.scim("POST", "/Users", newUser("ann")));
    const before = [await readRows(house, tenant), await auditOf(tenant.id)];

    const refused = async (userId: string, directoryUserId: string): Promise<string> => {
      const names = { userId, directoryUserId };
      const error = await linkUser(house.database, tenant.id, names, newId, act()).catch((thrown: unknown) => thrown);
      return (error as { readonly code?: string }).code ?? "let in";
    };
    expect({
      itself: await refused(third, third),
      circle: await refused(one.addedId, one.userId),
      chainBelow: await refused(one.addedId, third),
      chainAbove: await refused(third, one.userId),
      linkedElsewhere: await refused(third, one.addedId),
      toTheDead: await refused(dead, third),
      ofTheDead: await refused(third, dead),
    }).toEqual(
      Object.fromEntries(
        ["itself", "circle", "chainBelow", "chainAbove", "linkedElsewhere", "toTheDead", "ofTheDead"].map((name) => [
          name,
          "link_conflict",
        ]),
      ),
    );
    expect([await refused(third, foreign), await refused(foreign, third), await refused(third, newId())]).toEqual([
      "not_found",
      "not_found",
      "not_found",
    ]);
    await expect(
      unlinkUser(house.database, stranger.id, { userId: one.userId, directoryUserId: one.addedId }, newId, act()),
    ).rejects.toThrow("no such");
    expect([await readRows(house, tenant), await auditOf(tenant.id)]).toEqual(before);
  });

  test("is told to the admin who asks for it, and the one that may be is audited by who and whom", async () => {
    const one = await person();
    const admin = await adminOf(house, one.tenant);
    const path = `/tenants/${one.tenant.slug}/users/${one.userId}/links`;
    const made = await admin("POST", path, { directoryUser: one.addedId, note: "merged" });
    expect([made.status, made.body["changed"]]).toEqual([201, true]);
    expect((await admin("POST", path, { directoryUser: one.addedId })).status).toBe(200);
    expect(await admin("POST", path, { directoryUser: one.userId })).toMatchObject({
      status: 409,
      body: { code: "link_conflict" },
    });
    await one.settle();
    expect((await admin("DELETE", `${path}/${one.addedId}`)).status).toBe(204);
    expect((await admin("DELETE", `${path}/${one.addedId}`)).status).toBe(404);
    const trail = await auditOf(one.tenant.id);
    expect(trail.map(({ action, target, detail }) => ({ action, target, detail }))).toEqual([
      { action: "user.link", target: one.userId, detail: { directoryUser: one.addedId, note: "merged" } },
      { action: "user.unlink", target: one.userId, detail: { directoryUser: one.addedId } },
    ]);
    expect(new Set(trail.map(({ actor }) => actor)).size).toBe(1);
  });
});

async function auditOf(tenantId: string) {
  return house.database.housePrisma.audit.findMany({ where: { tenantId }, orderBy: { id: "asc" } });
}
