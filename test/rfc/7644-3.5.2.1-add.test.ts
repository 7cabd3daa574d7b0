import { describe, expect, test } from "vitest";
import { babsId, enterprise, openRfcDirectory } from "./rfc-directory.ts";

const { createUser, createGroup, read, membersOf, patch, done, expectRefusal } = await openRfcDirectory();
const babs = (await createUser({ externalId: babsId })).replace("/Users/", "");

describe('"The operation MUST contain a "value" member whose content specifies the value to be added."', () => {
  test("an addition without a value is refused", async () => {
    await expectRefusal(await createUser(), "invalidValue", { op: "add", path: "displayName" });
    await expectRefusal(await createUser(), "invalidValue", { op: "add" });
  });

  test('"The value MAY be a quoted value, or it may be a JSON object containing the sub-attributes of the complex attribute"', async () => {
    const user = await createUser();
    await done(user, { op: "add", path: "displayName", value: "Babs Jensen" });
    await done(user, { op: "add", path: "name", value: { familyName: "Jensen", givenName: "Barbara" } });
    expect(await read(user)).toMatchObject({
      displayName: "Babs Jensen",
      name: { familyName: "Jensen", givenName: "Barbara" },
    });
  });
});

describe('"The result of the add operation depends upon what the target location indicated by "path" references"', () => {
  test('"If omitted, the target location is assumed to be the resource itself. The "value" parameter contains a set of attributes to be added to the resource."', async () => {
    const user = await createUser({ title: "Tour Guide" });
    await done(user, { op: "add", value: { nickName: "Babs", locale: "en-US" } });
    expect(await read(user)).toMatchObject({ title: "Tour Guide", nickName: "Babs", locale: "en-US" });
    await expectRefusal(user, "invalidValue", { op: "add", value: "Babs" });
  });

  test('"If the target location does not exist, the attribute and value are added."', async () => {
    const user = await createUser();
    await done(user, { op: "add", path: "nickName", value: "Babs" });
    await done(user, { op: "add", path: "name.givenName", value: "Barbara" });
    await done(user, { op: "add", path: `${enterprise}:department`, value: "Tour Operations" });
    await done(user, { op: "add", path: 'emails[type eq "home"].value', value: "babs@jensen.org" });
    expect(await read(user)).toMatchObject({
      nickName: "Babs",
      name: { givenName: "Barbara" },
      [enterprise]: { department: "Tour Operations" },
      emails: [{ type: "home", value: "babs@jensen.org" }],
    });
  });

  test('"If the target location specifies a complex attribute, a set of sub-attributes SHALL be specified in the "value" parameter."', async () => {
    const user = await createUser({ name: { familyName: "Jensen", givenName: "Barbara" } });
    await done(user, { op: "add", path: "name", value: { givenName: "Babs" } });
    expect((await read(user))["name"]).toEqual({ familyName: "Jensen", givenName: "Babs" });
    await expectRefusal(user, "invalidValue", { op: "add", path: "name", value: "Babs" });
  });

  test('"If the target location specifies a multi-valued attribute, a new value is added to the attribute."', async () => {
    const work = { value: "bjensen@example.com", type: "work" };
    const home = { value: "babs@jensen.org", type: "home" };
    const user = await createUser({ emails: [work] });
    await done(user, { op: "add", path: "emails", value: [home] });
    expect((await read(user))["emails"]).toEqual([work, home]);
    await done(user, { op: "add", path: "emails", value: { value: "third@example.com" } });
    expect((await read(user))["emails"]).toEqual([work, home, { value: "third@example.com" }]);
  });

  test('"If the target location specifies a single-valued attribute, the existing value is replaced."', async () => {
    const user = await createUser({ nickName: "Barb" });
    await done(user, { op: "add", path: "nickName", value: "Babs" });
    expect((await read(user))["nickName"]).toBe("Babs");
  });

  test('"If the target location specifies an attribute that does not exist (has no value), the attribute is added with the new value."', async () => {
    const user = await createUser({ nickName: null, emails: [] });
    await done(user, { op: "add", path: "nickName", value: "Babs" });
    await done(user, { op: "add", path: "emails", value: [{ value: "babs@jensen.org" }] });
    expect(await read(user)).toMatchObject({ nickName: "Babs", emails: [{ value: "babs@jensen.org" }] });
  });

  test('"If the target location exists, the value is replaced."', async () => {
    const user = await createUser({ emails: [{ value: "old@example.com", type: "work", primary: true }] });
    await done(user, { op: "add", path: 'emails[type eq "work"].value', value: "new@example.com" });
    expect((await read(user))["emails"]).toEqual([{ value: "new@example.com", type: "work", primary: true }]);
  });

  test('"If the target location already contains the value specified, no changes SHOULD be made to the resource, and a success response SHOULD be returned. Unless other operations change the resource, this operation SHALL NOT change the modify timestamp of the resource."', async () => {
    const user = await createUser({
      nickName: "Babs",
      name: { familyName: "Jensen" },
      emails: [{ value: "babs@jensen.org", type: "home", primary: true }],
      [enterprise]: { manager: { value: "26118915-6090-4610-87e4-49d8ca9f808d", $ref: "../Users/26118915" } },
    });
    const before = await read(user);
    await done(
      user,
      { op: "add", path: "nickName", value: "Babs" },
      { op: "add", path: "name", value: { familyName: "Jensen" } },
      { op: "add", path: "emails", value: [{ value: "babs@jensen.org", type: "home" }] },
      { op: "add", path: `${enterprise}:manager`, value: { value: "26118915-6090-4610-87e4-49d8ca9f808d" } },
    );
    expect(await read(user)).toEqual(before);
  });
});

describe("the examples of §3.5.2.1", () => {
  const addition = {
    op: "add",
    path: "members",
    value: [
      {
        display: "Babs Jensen",
        $ref: "https://example.com/v2/Users/2819c223...413861904646",
        value: "2819c223-7f76-453a-919d-413861904646",
      },
    ],
  };

  test("a member is added to a group, which is answered without a body and with the new version", async () => {
    const group = await createGroup();
    const before = await read(group);
    const answer = await patch(group, addition);
    expect([answer.status, answer.body]).toEqual([204, {}]);
    expect(await membersOf(group)).toEqual([babs]);
    const after = await read(group);
    // The tag of the group by itself: its members were not looked at for an answer without a body.
    expect(answer.headers.get("etag")).toBe((await read(`${group}?excludedAttributes=members`)).meta["version"]);
    expect(after.meta["version"]).not.toBe(before.meta["version"]);
  });

  test('"If the user was already a member of this group, no changes should be made to the resource, and a success response should be returned."', async () => {
    const group = await createGroup([babs]);
    const before = await read(group);
    await done(group, addition);
    expect(await read(group)).toEqual(before);
  });

  test("attributes are added to a user without a path", async () => {
    const user = await createUser({ emails: [{ value: "bjensen@example.com", type: "work" }], nickName: "Barb" });
    await done(user, {
      op: "add",
      value: {
        emails: [
          {
            value: "babs@jensen.org",
            type: "home",
          },
        ],
        nickname: "Babs",
      },
    });
    expect(await read(user)).toMatchObject({
      emails: [
        { value: "bjensen@example.com", type: "work" },
        { value: "babs@jensen.org", type: "home" },
      ],
      nickName: "Babs",
    });
  });
});
