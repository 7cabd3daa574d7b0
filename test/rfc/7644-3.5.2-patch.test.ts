import { describe, expect, test } from "vitest";
import { babsId, enterprise, openRfcDirectory } from "./rfc-directory.ts";

const { tenant, createUser, createGroup, read, membersOf, patch, done, expectRefusal } = await openRfcDirectory();
const babs = (await createUser({ externalId: babsId })).replace("/Users/", "");

const coreUser = "urn:ietf:params:scim:schemas:core:2.0:User";
const work = { value: "bjensen@example.com", type: "work", primary: true };
const home = { value: "babs@jensen.org", type: "home" };

describe('"The body of an HTTP PATCH request MUST contain the attribute "Operations", whose value is an array of one or more PATCH operations."', () => {
  const schemas = ["urn:ietf:params:scim:api:messages:2.0:PatchOp"];

  test.each([
    {},
    { schemas },
    { schemas, Operations: [] },
    { schemas, Operations: { op: "add", value: { nickName: "Babs" } } },
    { schemas, Operations: ["add"] },
    { schemas, nickName: "Babs" },
  ])("a body without one is expectRefusal: %j", async (body) => {
    const user = await createUser();
    const { status, body: error } = await tenant.scim("PATCH", user, body);
    expect([status, error["scimType"]]).toEqual([400, "invalidSyntax"]);
    expect(await read(user)).not.toHaveProperty("nickName");
  });

  // "The body of each request MUST contain the "schemas" attribute": not every provider knows, and nothing hangs on it.
  test('a body without "schemas" is read all the same', async () => {
    const user = await createUser();
    const { status } = await tenant.scim("PATCH", user, { Operations: [{ op: "add", value: { nickName: "Babs" } }] });
    expect([status, (await read(user))["nickName"]]).toEqual([200, "Babs"]);
  });
});

describe('"Each PATCH operation object MUST have exactly one "op" member, whose value indicates the operation to perform and MAY be one of "add", "remove", or "replace"."', () => {
  test("an operation without one, with two or with another is refused", async () => {
    const user = await createUser();
    await expectRefusal(user, "invalidSyntax", { path: "nickName", value: "Babs" });
    await expectRefusal(user, "invalidSyntax", { op: "add", OP: "remove", path: "nickName", value: "Babs" });
    for (const op of ["move", "copy", "test", "", null, 1, ["add"]])
      await expectRefusal(user, "invalidSyntax", { op, path: "nickName", value: "Babs" });
  });

  test('JSON Patch\'s array positions are not paths: "SCIM servers do not support array indexing"', async () => {
    const user = await createUser({ emails: [work] });
    await expectRefusal(user, "invalidFilter", { op: "remove", path: "emails[0]" });
    await expectRefusal(user, "invalidPath", { op: "add", path: "/emails/0", value: home });
    await expectRefusal(user, "invalidPath", { op: "add", path: "emails.0", value: home });
    await expectRefusal(user, "invalidPath", { op: "add", path: "emails/-", value: home });
  });
});

describe('"The "path" attribute value is a String containing an attribute path describing the target of the operation."', () => {
  test('"OPTIONAL for "add" and "replace" and […] REQUIRED for "remove""', async () => {
    const user = await createUser();
    await done(user, { op: "add", value: { nickName: "Babs" } }, { op: "replace", value: { title: "Guide" } });
    expect(await read(user)).toMatchObject({ nickName: "Babs", title: "Guide" });
    await expectRefusal(user, "noTarget", { op: "remove", value: { nickName: "Babs" } });
    await expectRefusal(user, "invalidPath", { op: "remove", path: 7 });
  });

  test('"Valid examples of "path"": members', async () => {
    const group = await createGroup();
    await done(group, { op: "add", path: "members", value: [{ value: babs }] });
    expect(await membersOf(group)).toEqual([babs]);
  });

  test('"Valid examples of "path"": name.familyName', async () => {
    const user = await createUser();
    await done(user, { op: "add", path: "name.familyName", value: "Jensen" });
    expect((await read(user))["name"]).toEqual({ familyName: "Jensen" });
  });

  test('"Valid examples of "path"": addresses[type eq "work"]', async () => {
    const user = await createUser({ addresses: [{ type: "work", locality: "Hollywood" }, { type: "home" }] });
    await done(user, { op: "remove", path: 'addresses[type eq "work"]' });
    expect((await read(user))["addresses"]).toEqual([{ type: "home" }]);
  });

  test('"Valid examples of "path"": members[value eq "2819c223-7f76-453a-919d-413861904646"]', async () => {
    const group = await createGroup([babs]);
    await done(group, { op: "remove", path: 'members[value eq "2819c223-7f76-453a-919d-413861904646"]' });
    expect(await membersOf(group)).toEqual([]);
  });

  // RFC 7643 §4.2 gives members no displayName, and §8.7.1 makes what they have immutable.
  test('"Valid examples of "path"": members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName, which no member has', async () => {
    const path = 'members[value eq "2819c223-7f76-453a-919d-413861904646"].displayName';
    await expectRefusal(await createGroup([babs]), "invalidPath", { op: "replace", path, value: "Babs Jensen" });
  });

  test('"The attribute notation rules described in Section 3.10 apply": URNs, and names without case', async () => {
    const user = await createUser({ emails: [work] });
    await done(
      user,
      { op: "add", path: `${coreUser}:nickName`, value: "Babs" },
      { op: "add", path: `${coreUser.toUpperCase()}:NAME.familyname`, value: "Jensen" },
      { op: "add", path: `${enterprise}:employeeNumber`, value: "701984" },
      { op: "replace", path: `${coreUser}:Emails[TYPE eq "work"].DISPLAY`, value: "Babs" },
    );
    expect(await read(user)).toMatchObject({
      nickName: "Babs",
      name: { familyName: "Jensen" },
      [enterprise]: { employeeNumber: "701984" },
      emails: [{ ...work, display: "Babs" }],
    });
  });
});

describe('"Each operation against an attribute MUST be compatible with the attribute\'s mutability and schema"', () => {
  test('"a client MUST NOT modify an attribute that has mutability "readOnly" or "immutable""', async () => {
    const user = await createUser();
    for (const path of ["id", "groups", "meta", "meta.lastModified", `${enterprise}:manager.displayName`])
      await expectRefusal(user, "mutability", { op: "replace", path, value: "x" });
    const member = `members[value eq "${babs}"]`;
    for (const part of ["value", "display", "$ref", "type"])
      await expectRefusal(await createGroup([babs]), "mutability", {
        op: "replace",
        path: `${member}.${part}`,
        value: "x",
      });
  });

  test("what is not in the schema, or not of its type, is refused and never passed over", async () => {
    const user = await createUser();
    await expectRefusal(user, "invalidPath", { op: "add", path: "shoeSize", value: "44" });
    await expectRefusal(user, "invalidPath", { op: "add", value: { nickName: "Babs", shoeSize: "44" } });
    await expectRefusal(user, "invalidPath", { op: "add", path: "urn:example:unknown:2.0:User:badge", value: "44" });
    await expectRefusal(user, "invalidPath", { op: "remove", path: "userName[type eq true]" });
    await expectRefusal(user, "invalidValue", { op: "replace", path: "active", value: "sometimes" });
    await expectRefusal(user, "invalidValue", { op: "replace", path: "nickName", value: ["Babs"] });
    await expectRefusal(user, "invalidFilter", { op: "remove", path: 'emails[type is "work"]' });
  });
});

describe('"the value of the "schemas" attribute on the SCIM service provider\'s representation of the resource SHALL be assumed by default"', () => {
  test('"Clients MAY implicitly modify the "schemas" attribute by adding (or replacing) an attribute with its fully qualified name, including schema URN."', async () => {
    const user = await createUser();
    expect((await read(user))["schemas"]).toEqual([coreUser]);
    await done(user, { op: "add", path: `${enterprise}:employeeNumber`, value: "701984" });
    expect((await read(user))["schemas"]).toEqual([coreUser, enterprise]);
    await done(user, { op: "remove", path: `${enterprise}:employeeNumber` });
    expect((await read(user))["schemas"]).toEqual([coreUser]);
  });
});

describe('"Operations are applied sequentially in the order they appear in the array."', () => {
  test('"Each operation in the sequence is applied to the target resource; the resulting resource becomes the target of the next operation."', async () => {
    const user = await createUser({ nickName: "Barb" });
    await done(
      user,
      { op: "remove", path: "nickName" },
      { op: "add", path: "emails", value: [{ value: "first@example.com", type: "other" }] },
      { op: "replace", path: 'emails[type eq "other"].value', value: "second@example.com" },
      { op: "replace", path: 'emails[value eq "second@example.com"].type', value: "work" },
      { op: "add", path: "nickName", value: "Babs" },
    );
    expect(await read(user)).toMatchObject({
      nickName: "Babs",
      emails: [{ value: "second@example.com", type: "work" }],
    });
  });

  test("the same operations in another order leave another group", async () => {
    const [group, other] = [await createGroup(), await createGroup()];
    const come = { op: "add", path: "members", value: [{ value: babs }] };
    const go = { op: "remove", path: `members[value eq "${babs}"]` };
    await done(group, come, go);
    await done(other, go, come);
    expect([await membersOf(group), await membersOf(other)]).toEqual([[], [babs]]);
  });
});

describe('"a PATCH operation that sets a value\'s "primary" sub-attribute to "true" SHALL cause the server to automatically set "primary" to "false" for any other values in the array"', () => {
  const moved = [
    { ...work, primary: false },
    { ...home, primary: true },
  ];

  test.each([
    { op: "replace", path: 'emails[type eq "home"].primary', value: true },
    { op: "add", path: 'emails[type eq "home"]', value: { primary: true } },
    { op: "replace", path: 'emails[type eq "home"]', value: { ...home, primary: true } },
    { op: "add", path: "emails", value: [{ ...home, primary: true }] },
    { op: "add", value: { emails: [{ ...home, primary: true }] } },
  ])("%j", async (operation) => {
    const user = await createUser({ emails: [work, home] });
    await done(user, operation);
    expect((await read(user))["emails"]).toEqual(moved);
  });

  test("two that one operation calls primary are no answer, and neither becomes it", async () => {
    const user = await createUser({ emails: [work, home] });
    await expectRefusal(user, "invalidValue", { op: "replace", path: "emails[value pr].primary", value: true });
    await expectRefusal(user, "invalidValue", { op: "add", path: "emails", value: [{ ...home, primary: true }, work] });
  });
});

describe('"A PATCH request, regardless of the number of operations, SHALL be treated as atomic."', () => {
  test('"If a single operation encounters an error condition, the original SCIM resource MUST be restored, and a failure status SHALL be returned."', async () => {
    const user = await createUser({ nickName: "Barb", emails: [work] });
    await expectRefusal(
      user,
      "noTarget",
      { op: "replace", path: "nickName", value: "Babs" },
      { op: "remove", path: "emails" },
      { op: "replace", path: 'emails[type ne "work"].value', value: "x" },
    );
    const group = await createGroup([babs]);
    await expectRefusal(
      group,
      "invalidFilter",
      { op: "replace", path: "displayName", value: "renamed" },
      { op: "replace", path: "members", value: [] },
      { op: "remove", path: 'members[display eq "Babs"]' },
    );
    expect(await membersOf(group)).toEqual([babs]);
  });

  test("a name that somebody else has is such an error too, and found by the last step of all", async () => {
    const [user, other] = [await createUser({ nickName: "Barb" }), await createUser()];
    const before = await read(user);
    const { userName } = await read(other);
    const answer = await patch(
      user,
      { op: "replace", path: "nickName", value: "Babs" },
      { op: "replace", path: "userName", value: userName },
    );
    expect([answer.status, answer.body["scimType"]]).toEqual([409, "uniqueness"]);
    expect(await read(user)).toEqual(before);
  });

  test('"If a request fails, the server SHALL return an HTTP response status code and a JSON detail error response as defined in Section 3.12."', async () => {
    const answer = await patch(await createUser(), { op: "add", path: "shoeSize", value: "44" });
    expect(answer.headers.get("content-type")).toMatch(/^application\/scim\+json/);
    expect([answer.status, answer.body]).toEqual([
      400,
      {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: "400",
        scimType: "invalidPath",
        detail: 'unknown attribute "shoeSize"',
      },
    ]);
  });
});

describe('"On successful completion, the server either MUST return a 200 OK response code and the entire resource within the response body, subject to the "attributes" query parameter […], or MAY return HTTP status code 204 (No Content)"', () => {
  const rename = { Operations: [{ op: "add", path: "displayName", value: "Babs Jensen" }] };

  test("a user is shown as it is now", async () => {
    const user = await createUser();
    const { status, body, headers } = await tenant.scim("PATCH", user, rename);
    const now = await read(user);
    expect([status, body, headers.get("etag")]).toEqual([200, now, now.meta["version"]]);
  });

  test('"The server MUST return a 200 OK if the "attributes" parameter is specified in the request."', async () => {
    const user = await tenant.scim("PATCH", `${await createUser()}?attributes=displayName`, rename);
    const { id: _user, ...shownUser } = user.body;
    expect([user.status, shownUser]).toEqual([200, { schemas: [coreUser], displayName: "Babs Jensen" }]);

    const group = await tenant.scim("PATCH", `${await createGroup([babs])}?attributes=displayName`, rename);
    const { id: _group, ...shownGroup } = group.body;
    const schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"];
    expect([group.status, shownGroup]).toEqual([200, { schemas, displayName: "Babs Jensen" }]);
  });

  test("a PATCH of another version than the one in If-Match changes nothing", async () => {
    const user = await createUser({ nickName: "Barb" });
    const before = await read(user);
    const headers = { "if-match": 'W/"999"' };
    const { status } = await tenant.scim("PATCH", user, rename, headers);
    expect([status, await read(user)]).toEqual([412, before]);
  });
});
