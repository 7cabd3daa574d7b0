import { describe, expect, test } from "vitest";
import { babsId, enterprise, openRfcDirectory } from "./rfc-directory.ts";

const { createUser, createGroup, read, membersOf, done, expectRefusal } = await openRfcDirectory();
const babs = (await createUser({ externalId: babsId })).replace("/Users/", "");
const shortBabs = (await createUser({ externalId: "2819c223...919d-413861904646" })).replace("/Users/", "");
const james = (await createUser({ externalId: "08e1d05d...473d93df9210" })).replace("/Users/", "");

const work = { value: "bjensen@example.com", type: "work", primary: true };
const home = { value: "babs@jensen.org", type: "home" };

describe('"The operation performs the following functions, depending on the target location specified by "path""', () => {
  test('"If "path" is unspecified, the operation fails with HTTP status code 400 and a "scimType" error code of "noTarget"."', async () => {
    const user = await createUser();
    await expectRefusal(user, "noTarget", { op: "remove" });
    await expectRefusal(user, "noTarget", { op: "remove", path: "" });
    await expectRefusal(user, "noTarget", { op: "remove", value: { displayName: "Babs" } });
  });

  test('"If the target location is a single-value attribute, the attribute and its associated value is removed, and the attribute SHALL be considered unassigned."', async () => {
    const user = await createUser({
      nickName: "Babs",
      name: { familyName: "Jensen", givenName: "Barbara" },
      [enterprise]: { department: "Tour Operations" },
    });
    await done(user, { op: "remove", path: "nickName" }, { op: "remove", path: "name.givenName" });
    await done(user, { op: "remove", path: `${enterprise}:department` });
    const after = await read(user);
    expect(after["name"]).toEqual({ familyName: "Jensen" });
    expect(after).not.toHaveProperty("nickName");
    expect(after).not.toHaveProperty([enterprise]);
    await done(user, { op: "remove", path: "name" });
    expect(await read(user)).not.toHaveProperty("name");
  });

  test('"If the target location is a multi-valued attribute and no filter is specified, the attribute and all values are removed, and the attribute SHALL be considered unassigned."', async () => {
    const user = await createUser({ emails: [work, home] });
    await done(user, { op: "remove", path: "emails" });
    expect(await read(user)).not.toHaveProperty("emails");
  });

  test('"If the target location is a multi-valued attribute and a complex filter is specified comparing a "value", the values matched by the filter are removed. If no other values remain after removal of the selected values, the multi-valued attribute SHALL be considered unassigned."', async () => {
    const user = await createUser({ emails: [work, home] });
    await done(user, { op: "remove", path: 'emails[value eq "babs@jensen.org"]' });
    expect((await read(user))["emails"]).toEqual([work]);
    await done(user, { op: "remove", path: 'emails[value sw "bjensen"]' });
    expect(await read(user)).not.toHaveProperty("emails");
  });

  test('"If the target location is a complex multi-valued attribute and a complex filter is specified based on the attribute\'s sub-attributes, the matching records are removed."', async () => {
    const user = await createUser({ emails: [work, home] });
    await done(user, { op: "remove", path: 'emails[type eq "home" or primary eq false]' });
    expect((await read(user))["emails"]).toEqual([work]);
  });

  test('"Sub-attributes whose values have been removed SHALL be considered unassigned. If the complex multi-valued attribute has no remaining records, the attribute SHALL be considered unassigned."', async () => {
    const user = await createUser({ emails: [{ ...work, display: "Babs" }] });
    await done(user, { op: "remove", path: 'emails[type eq "work"].display' });
    expect((await read(user))["emails"]).toEqual([work]);
    // What is left of it, a type and a mark, is no record of anything.
    await done(user, { op: "remove", path: 'emails[type eq "work"].value' });
    expect(await read(user)).not.toHaveProperty("emails");
  });

  test('"If an attribute is removed or becomes unassigned and is defined as a required attribute or a read-only attribute, the server SHALL return […] a "scimType" error code of "mutability"."', async () => {
    const user = await createUser();
    await expectRefusal(user, "mutability", { op: "remove", path: "userName" });
    await expectRefusal(user, "mutability", { op: "replace", path: "userName", value: null });
    await expectRefusal(user, "mutability", { op: "remove", path: "id" });
    await expectRefusal(user, "mutability", { op: "remove", path: "meta.created" });
    await expectRefusal(user, "mutability", { op: "remove", path: "groups" });
    await expectRefusal(await createGroup(), "mutability", { op: "remove", path: "displayName" });
    // The RFC does not require a state; but without one a user would be let in, whatever they were before.
    await expectRefusal(user, "mutability", { op: "remove", path: "active" });
  });
});

describe("the examples of §3.5.2.2", () => {
  test("a single member is removed from a group", async () => {
    const group = await createGroup([babs, james]);
    await done(group, { op: "remove", path: 'members[value eq "2819c223-7f76-453a-919d-413861904646"]' });
    expect(await membersOf(group)).toEqual([james]);
  });

  test("all members are removed from a group", async () => {
    for (const operation of [
      { op: "remove", path: "members" },
      { op: "replace", path: "members", value: [] },
    ]) {
      const group = await createGroup([babs, james]);
      await done(group, operation);
      expect(await membersOf(group)).toEqual([]);
      await done(group, operation);
    }
  });

  test("a value is removed from a complex multi-valued attribute", async () => {
    const elsewhere = { value: "bjensen@elsewhere.test", type: "work" };
    const user = await createUser({ emails: [work, home, elsewhere] });
    await done(user, { op: "remove", path: 'emails[type eq "work" and value ew "example.com"]' });
    expect((await read(user))["emails"]).toEqual([home, elsewhere]);
  });

  test("a member is removed and another one added, though the example leaves out a space", async () => {
    const group = await createGroup([shortBabs]);
    await done(
      group,
      {
        op: "remove",
        path: 'members[value eq"2819c223...919d-413861904646"]',
      },
      {
        op: "add",
        path: "members",
        value: [
          {
            display: "James Smith",
            $ref: "https://example.com/v2/Users/08e1d05d...473d93df9210",
            value: "08e1d05d...473d93df9210",
          },
        ],
      },
    );
    expect(await membersOf(group)).toEqual([james]);
  });

  test("all members are replaced by others", async () => {
    const group = await createGroup([shortBabs, "somebody else"]);
    const members = {
      op: "add",
      path: "members",
      value: [
        {
          display: "Babs Jensen",
          $ref: "https://example.com/v2/Users/2819c223...413861904646",
          value: "2819c223...413861904646",
        },
        {
          display: "James Smith",
          $ref: "https://example.com/v2/Users/08e1d05d...473d93df9210",
          value: "08e1d05d...473d93df9210",
        },
      ],
    };
    const both = [james, "2819c223...413861904646"].toSorted();
    await done(group, { op: "remove", path: "members" }, members);
    expect(await membersOf(group)).toEqual(both);
    await done(group, { ...members, op: "replace" });
    expect(await membersOf(group)).toEqual(both);
  });
});
