import { describe, expect, test } from "vitest";
import { enterprise, openRfcDirectory } from "./rfc-directory.ts";

const { createUser, createGroup, read, membersOf, done, expectRefusal } = await openRfcDirectory();
const babs = (await createUser({ externalId: "2819c223...413861904646" })).replace("/Users/", "");
const james = (await createUser({ externalId: "08e1d05d...473d93df9210" })).replace("/Users/", "");

const work = { value: "bjensen@example.com", type: "work", primary: true };
const home = { value: "babs@jensen.org", type: "home" };

describe('"The operation performs the following functions, depending on the target location specified by "path""', () => {
  test('"If the "path" parameter is omitted, the target is assumed to be the resource itself. In this case, the "value" attribute SHALL contain a list of one or more attributes that are to be replaced."', async () => {
    const user = await createUser({ nickName: "Barb", title: "Tour Guide", locale: "en-US" });
    await done(user, { op: "replace", value: { nickName: "Babs", title: null } });
    const after = await read(user);
    expect(after).toMatchObject({ nickName: "Babs", locale: "en-US" });
    expect(after).not.toHaveProperty("title");
    await expectRefusal(user, "invalidValue", { op: "replace", value: ["nickName"] });
    await expectRefusal(user, "invalidValue", { op: "replace" });
  });

  test('"If the target location is a single-value attribute, the attributes value is replaced."', async () => {
    const user = await createUser({ nickName: "Barb", name: { familyName: "Jensen" } });
    await done(user, { op: "replace", path: "nickName", value: "Babs" });
    await done(user, { op: "replace", path: "name.familyName", value: "Smith" });
    expect(await read(user)).toMatchObject({ nickName: "Babs", name: { familyName: "Smith" } });
  });

  test('"If the target location is a multi-valued attribute and no filter is specified, the attribute and all values are replaced."', async () => {
    const user = await createUser({ emails: [work, home] });
    const replacement = [{ value: "third@example.com" }, { value: "fourth@example.com", primary: true }];
    await done(user, { op: "replace", path: "emails", value: replacement });
    expect((await read(user))["emails"]).toEqual(replacement);
    await done(user, { op: "replace", path: "emails", value: [] });
    expect(await read(user)).not.toHaveProperty("emails");
  });

  test('"If the target location path specifies an attribute that does not exist, the service provider SHALL treat the operation as an "add"."', async () => {
    const user = await createUser();
    await done(user, { op: "replace", path: "nickName", value: "Babs" });
    await done(user, { op: "replace", path: "emails", value: [home] });
    await done(user, { op: "replace", path: `${enterprise}:costCenter`, value: "4130" });
    expect(await read(user)).toMatchObject({ nickName: "Babs", emails: [home], [enterprise]: { costCenter: "4130" } });
  });

  test('"If the target location specifies a complex attribute, a set of sub-attributes SHALL be specified in the "value" parameter that replaces any existing values or adds where an attribute did not previously exist. Sub-attributes that are not specified in the "value" parameter are left unchanged."', async () => {
    const user = await createUser({ name: { familyName: "Jensen", givenName: "Barbara" } });
    await done(user, { op: "replace", path: "name", value: { givenName: "Babs", middleName: "Jane" } });
    expect((await read(user))["name"]).toEqual({ familyName: "Jensen", givenName: "Babs", middleName: "Jane" });
    await expectRefusal(user, "invalidValue", { op: "replace", path: "name", value: "Babs Jensen" });
  });

  test('"If the target location is a multi-valued attribute and a value selection ("valuePath") filter is specified that matches one or more values of the multi-valued attribute, then all matching record values SHALL be replaced."', async () => {
    const user = await createUser({
      emails: [{ ...home, display: "one" }, work, { ...home, value: "two@jensen.org" }],
    });
    await done(user, {
      op: "replace",
      path: 'emails[type eq "home"]',
      value: { value: "new@jensen.org", type: "home" },
    });
    const replaced = { value: "new@jensen.org", type: "home" };
    expect((await read(user))["emails"]).toEqual([replaced, work, replaced]);
  });

  test('"If the target location is a complex multi-valued attribute with a value selection filter ("valuePath") and a specific sub-attribute (e.g., "addresses[type eq "work"].streetAddress"), the matching sub-attribute of all matching records is replaced."', async () => {
    const addresses = [
      { type: "work", locality: "Hollywood" },
      { type: "work", streetAddress: "100 Universal City Plaza" },
      { type: "home", streetAddress: "456 Hollywood Blvd" },
    ];
    const user = await createUser({ addresses });
    await done(user, { op: "replace", path: 'addresses[type eq "work"].streetAddress', value: "1010 Broadway Ave" });
    const [first, second, third] = addresses;
    const moved = { streetAddress: "1010 Broadway Ave" };
    expect((await read(user))["addresses"]).toEqual([{ ...first, ...moved }, { ...second, ...moved }, third]);
  });

  test('"If the target location is a multi-valued attribute for which a value selection filter ("valuePath") has been supplied and no record match was made, the service provider SHALL indicate failure by returning HTTP status code 400 and a "scimType" error code of "noTarget"."', async () => {
    const user = await createUser({ emails: [work] });
    await expectRefusal(user, "noTarget", { op: "replace", path: 'emails[type ne "work"].value', value: "x" });
    await expectRefusal(user, "noTarget", { op: "replace", path: 'emails[value co "jensen.org"]', value: home });
    await expectRefusal(user, "noTarget", {
      op: "replace",
      path: 'emails[type eq "a" or type eq "b"].value',
      value: "x",
    });
    await expectRefusal(user, "noTarget", {
      op: "replace",
      path: 'emails[type eq "a" and type eq "b"].value',
      value: "x",
    });
  });

  // Entra ID sends this for the first phone of everybody, in one PATCH with all else that it has to say.
  test("but a filter of nothing but equals describes what it does not find, and creates it", async () => {
    const user = await createUser({ emails: [work] });
    await done(user, { op: "replace", path: 'emails[type eq "home"].value', value: "babs@jensen.org" });
    expect((await read(user))["emails"]).toEqual([work, home]);
  });
});

describe("the examples of §3.5.2.3", () => {
  test("all members of a group are replaced in one operation", async () => {
    const group = await createGroup(["902c246b-6245-4190-8e05-00816be7344a"]);
    await done(group, {
      op: "replace",
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
    });
    expect(await membersOf(group)).toEqual([babs, james].toSorted());
  });

  test('the entire work address is changed, and "the service provider will reset "primary" to "false" for any other existing values of "addresses""', async () => {
    const elsewhere = { type: "home", locality: "Hollywood", primary: true };
    const user = await createUser({ addresses: [elsewhere, { type: "work", region: "NY", locality: "Albany" }] });
    const value = {
      type: "work",
      streetAddress: "911 Universal City Plaza",
      locality: "Hollywood",
      region: "CA",
      postalCode: "91608",
      country: "US",
      formatted: "911 Universal City Plaza\nHollywood, CA 91608 US",
      primary: true,
    };
    await done(user, { op: "replace", path: 'addresses[type eq "work"]', value });
    expect((await read(user))["addresses"]).toEqual([{ ...elsewhere, primary: false }, value]);
  });

  test("the street of the work address is changed", async () => {
    const user = await createUser({ addresses: [{ type: "work", streetAddress: "911 Universal City Plaza" }] });
    await done(user, { op: "replace", path: 'addresses[type eq "work"].streetAddress', value: "1010 Broadway Ave" });
    expect((await read(user))["addresses"]).toEqual([{ type: "work", streetAddress: "1010 Broadway Ave" }]);
  });

  test("all values of some attributes are replaced without a path", async () => {
    const user = await createUser({ emails: [{ value: "old@example.com", type: "other" }], nickName: "Barb" });
    await done(user, {
      op: "replace",
      value: {
        emails: [
          {
            value: "bjensen@example.com",
            type: "work",
            primary: true,
          },
          {
            value: "babs@jensen.org",
            type: "home",
          },
        ],
        nickname: "Babs",
      },
    });
    expect(await read(user)).toMatchObject({ emails: [work, home], nickName: "Babs" });
  });
});
