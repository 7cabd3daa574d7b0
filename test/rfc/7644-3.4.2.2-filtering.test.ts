import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const people = {
  bjensen: {
    userName: "bjensen",
    externalId: "701984",
    name: { familyName: "Jensen", givenName: "Barbara" },
    title: "Tour Guide",
    userType: "Employee",
    active: true,
    emails: [
      { value: "bjensen@example.com", type: "work", primary: true },
      { value: "babs@jensen.org", type: "home" },
    ],
    ims: [{ value: "someaimhandle@foo.com", type: "xmpp" }],
    x509Certificates: [{ value: "QUJD" }],
    [enterprise]: { employeeNumber: "701984", department: "Tour Operations", manager: { value: "26118915" } },
  },
  omalley: {
    userName: "J.OMalley",
    externalId: "omalley",
    name: { familyName: "O'Malley" },
    userType: "Intern",
    active: false,
    emails: [
      { value: "jane@example.org", type: "work" },
      { value: "jane@example.com", type: "home" },
    ],
  },
  plain: { userName: "Jack", active: true },
} as const;
type Person = keyof typeof people;

const ids = new Map<string, Person>();
for (const [name, person] of Object.entries(people)) {
  const { body } = await tenant.scim("POST", "/Users", person);
  ids.set(body["id"] as string, name as Person);
}
const idOf = (name: Person): string => [...ids].find(([, held]) => held === name)?.[0] ?? "";
const groupOf = async (displayName: string, members: readonly string[]): Promise<string> => {
  const { body } = await tenant.scim("POST", "/Groups", { displayName, members: members.map((value) => ({ value })) });
  return body["id"] as string;
};
const guides = await groupOf("Guides", [idOf("bjensen")]);
const staff = await groupOf("Staff", [guides, idOf("omalley")]);
const empty = await groupOf("Empty", []);

/** Each table: what a sentence of the RFC asks for, and who is found. */
const all: readonly Person[] = ["bjensen", "omalley", "plain"];

describe("Figure 2: the RFC's own examples", () => {
  const examples: readonly (readonly [string, readonly Person[]])[] = [
    [`userName eq "bjensen"`, ["bjensen"]],
    [`name.familyName co "O'Malley"`, ["omalley"]],
    [`userName sw "J"`, ["omalley", "plain"]],
    [`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`, ["omalley", "plain"]],
    [`title pr`, ["bjensen"]],
    [`meta.lastModified gt "2011-05-13T04:42:34Z"`, all],
    [`meta.lastModified ge "2011-05-13T04:42:34Z"`, all],
    [`meta.lastModified lt "2011-05-13T04:42:34Z"`, []],
    [`meta.lastModified le "2011-05-13T04:42:34Z"`, []],
    [`title pr and userType eq "Employee"`, ["bjensen"]],
    [`title pr or userType eq "Intern"`, ["bjensen", "omalley"]],
    [`schemas eq "${enterprise}"`, ["bjensen"]],
    [`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`, ["bjensen"]],
    [`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`, ["plain"]],
    [`userType eq "Employee" and (emails.type eq "work")`, ["bjensen"]],
    [`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`, ["bjensen"]],
    [`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`, ["bjensen"]],
  ];
  test.each(examples)("%s", (filter, expected) => expectUsers(filter, expected));
});

describe("Attribute names and attribute operators used in filters are case insensitive", () => {
  test.each([`userName Eq "bjensen"`, `Username eq "bjensen"`, `USERNAME EQ "bjensen" AND NOT (Active EQ false)`])(
    "%s",
    (filter) => expectUsers(filter, ["bjensen"]),
  );
});

describe("Table 3: attribute operators", () => {
  const operators: readonly (readonly [string, readonly Person[]])[] = [
    // "The attribute and operator values must be identical for a match", and ne: must not be.
    [`title eq "Tour Guide"`, ["bjensen"]],
    [`title eq "Tour"`, []],
    [`title ne "Tour Guide"`, ["omalley", "plain"]],
    // "The entire operator value must be a substring", at the beginning, at the end; identical strings are.
    [`title co "r G"`, ["bjensen"]],
    [`title co "Tour Guide"`, ["bjensen"]],
    [`title sw "Tour"`, ["bjensen"]],
    [`title sw "our"`, []],
    [`title sw "Tour Guide"`, ["bjensen"]],
    [`title ew "Guide"`, ["bjensen"]],
    [`title ew "Guid"`, []],
    // "A non-empty or non-null value, or … a non-empty node for complex attributes".
    [`name pr`, ["bjensen", "omalley"]],
    [`emails pr`, ["bjensen", "omalley"]],
    [`${enterprise}:manager pr`, ["bjensen"]],
    [`active pr`, all],
    [`meta.version pr`, all],
    // "For string attribute types, this is a lexicographical comparison".
    [`userType gt "Employee"`, ["omalley"]],
    [`userType ge "employee"`, ["bjensen", "omalley"]],
    [`userType lt "Intern"`, ["bjensen"]],
    [`userType le "intern"`, ["bjensen", "omalley"]],
    // "for DateTime types, it is a chronological comparison", whatever the offset it is written with.
    [`meta.created gt "2011-05-13T23:00:00-05:00"`, all],
    [`meta.created lt "2011-05-13T23:00:00-05:00"`, []],
    [`meta.created lt "9999-12-31T23:59:59Z"`, all],
    [`active eq false`, ["omalley"]],
    [`active ne false`, ["bjensen", "plain"]],
  ];
  test.each(operators)("%s", (filter, expected) => expectUsers(filter, expected));

  test("a moment equals itself as it is shown, and in any offset", async () => {
    const { body } = await tenant.scim("GET", `/Users/${idOf("plain")}`);
    const { lastModified } = body["meta"] as { readonly lastModified: string };
    const there = `${new Date(Date.parse(lastModified) + 7_200_000).toISOString().slice(0, -1)}+02:00`;
    for (const moment of [lastModified, there]) {
      expect(await found("/Users", `id eq "${idOf("plain")}" and meta.lastModified eq "${moment}"`)).toHaveLength(1);
      expect(await found("/Users", `id eq "${idOf("plain")}" and meta.lastModified gt "${moment}"`)).toHaveLength(0);
      expect(await found("/Users", `id eq "${idOf("plain")}" and meta.lastModified ge "${moment}"`)).toHaveLength(1);
    }
  });

  test.each([
    `active gt true`,
    `active le false`,
    `x509Certificates.value gt "QUJD"`,
    `x509Certificates[value lt "QUJD"]`,
  ])("Boolean and Binary attributes SHALL cause a failed response with invalidFilter: %s", (filter) =>
    expectRefused("/Users", filter),
  );
});

describe("Table 4: logical operators, and their precedence: grouping, not, and, or", () => {
  const precedence: readonly (readonly [string, readonly Person[]])[] = [
    [`userName eq "jack" or userType eq "Intern" and active eq true`, ["plain"]],
    [`(userName eq "jack" or userType eq "Intern") and active eq false`, ["omalley"]],
    [`not (title pr) and active eq true`, ["plain"]],
    [`not (title pr and active eq true)`, ["omalley", "plain"]],
    [`title pr or not (userType pr)`, ["bjensen", "plain"]],
    [`not (not (title pr))`, ["bjensen"]],
    [`((title pr))`, ["bjensen"]],
  ];
  test.each(precedence)("%s", (filter, expected) => expectUsers(filter, expected));
});

describe("Table 5: expressions in brackets MUST be applied to the same value of the parent attribute", () => {
  const grouped: readonly (readonly [string, readonly Person[]])[] = [
    [`emails[type eq "work" and value ew "example.com"]`, ["bjensen"]],
    [`emails.type eq "work" and emails.value ew "example.com"`, ["bjensen", "omalley"]],
    [`emails[not (type eq "work")]`, ["bjensen", "omalley"]],
    [`emails[type eq "home" or primary eq true]`, ["bjensen", "omalley"]],
    [`emails[type eq "home"].value eq "BABS@jensen.org"`, ["bjensen"]],
    [`emails[type eq "home"].primary pr`, []],
    [`name[familyName eq "Jensen" and givenName eq "Barbara"]`, ["bjensen"]],
    [`name[not (givenName pr)]`, ["omalley"]],
    [`meta[resourceType eq "User"]`, all],
    [`emails[type eq "office"]`, []],
  ];
  test.each(grouped)("%s", (filter, expected) => expectUsers(filter, expected));
});

test("If a User has multiple emails values, only one has to match for the entire User to match", async () => {
  await expectUsers(`emails.value eq "babs@jensen.org"`, ["bjensen"]);
  await expectUsers(`emails eq "jane@example.com"`, ["omalley"]);
  await expectUsers(`emails.value ne "babs@jensen.org"`, ["omalley", "plain"]);
});

describe("The case sensitivity for String type attributes SHALL be determined by the caseExact characteristic", () => {
  const cases: readonly (readonly [string, readonly Person[]])[] = [
    [`userName eq "BJENSEN"`, ["bjensen"]],
    [`userName sw "j.om"`, ["omalley"]],
    [`title co "TOUR"`, ["bjensen"]],
    [`externalId eq "OMALLEY"`, []],
    [`externalId sw "oma"`, ["omalley"]],
    [`externalId co "MAL"`, []],
    [`${enterprise}:department eq "tour operations"`, ["bjensen"]],
    [`x509Certificates.value eq "qujd"`, []],
    [`x509Certificates.value eq "QUJD"`, ["bjensen"]],
    [`schemas eq "URN:ietf:params:scim:schemas:core:2.0:User"`, []],
    [`schemas eq "urn:ietf:params:scim:schemas:core:2.0:User"`, all],
    [`meta.resourceType eq "user"`, []],
    [`meta.resourceType eq "User"`, all],
  ];
  test.each(cases)("%s", (filter, expected) => expectUsers(filter, expected));
});

describe("compValue is written as JSON: escapes, null, numbers that are none", () => {
  const values: readonly (readonly [string, readonly Person[]])[] = [
    [String.raw`userName eq "bj\u0065nsen"`, ["bjensen"]],
    [String.raw`name.familyName eq "O\u0027Malley"`, ["omalley"]],
    [String.raw`title eq "a\\b\"c\/d"`, []],
    [`externalId eq null`, ["plain"]],
    [`externalId ne null`, ["bjensen", "omalley"]],
    [`emails.value eq null`, ["plain"]],
    [`active eq null`, []],
    [`active eq "True"`, ["bjensen", "plain"]],
  ];
  test.each(values)("%s", (filter, expected) => expectUsers(filter, expected));
});

describe("what a resource does not hold but shows is found as it is shown", () => {
  const shown: readonly (readonly [string, string, readonly string[]])[] = [
    ["/Users", `id eq "${idOf("plain")}"`, [idOf("plain")]],
    ["/Users", `id co "${idOf("plain").slice(3, 30)}"`, [idOf("plain")]],
    ["/Users", `id eq "no id at all"`, []],
    ["/Users", `meta.location ew "/scim/v2/Users/${idOf("plain")}"`, [idOf("plain")]],
    ["/Users", `meta.location sw "https://elsewhere.test"`, []],
    // Of a user, the groups it is in, also those that hold such a group.
    ["/Users", `groups eq "${guides}"`, [idOf("bjensen")]],
    ["/Users", `groups eq "${staff}"`, [idOf("bjensen"), idOf("omalley")]],
    ["/Users", `groups[value eq "${staff}" and type eq "indirect"]`, [idOf("bjensen")]],
    ["/Users", `groups[display sw "sta" and type eq "direct"]`, [idOf("omalley")]],
    ["/Users", `groups.display eq "guides"`, [idOf("bjensen")]],
    ["/Users", `groups.$ref ew "/Groups/${guides}"`, [idOf("bjensen")]],
    ["/Users", `groups ne "${guides}"`, [idOf("omalley"), idOf("plain")]],
    ["/Users", `groups pr`, [idOf("bjensen"), idOf("omalley")]],
    ["/Users", `groups eq null`, [idOf("plain")]],
    ["/Users", `groups eq "${empty}"`, []],
    ["/Groups", `members eq "${guides}"`, [staff]],
    ["/Groups", `id eq "${guides}" and members eq "${idOf("bjensen")}"`, [guides]],
    ["/Groups", `members[value eq "${idOf("bjensen")}" or value eq "${idOf("omalley")}"]`, [guides, staff]],
    ["/Groups", `members[not (type eq "User")]`, [staff]],
    ["/Groups", `members.type eq "group"`, [staff]],
    ["/Groups", `members.display co "OMALLEY"`, [staff]],
    ["/Groups", `members.$ref co "/Users/"`, [guides, staff]],
    ["/Groups", `members ne "${guides}"`, [guides, empty]],
    ["/Groups", `not (members pr)`, [empty]],
    ["/Groups", `members.value eq null`, [empty]],
    ["/Groups", `displayName sw "G" and meta.resourceType eq "Group"`, [guides]],
  ];
  test.each(shown)("%s where %s", async (path, filter, expected) => {
    expect(await found(path, filter)).toEqual(expected.toSorted());
  });
});

describe("Providers MUST decline to filter results if the filter operation is not recognized: 400 and invalidFilter", () => {
  const refused = [
    `userName regex "b.*"`,
    `userName`,
    `userName eq`,
    `userName eq "a" xor title pr`,
    `shoeSize pr`,
    `emails[shoeSize pr]`,
    `name eq "Jensen"`,
    `meta.created gt "yesterday"`,
    `meta.created lt "9999-12-31T23:59:59-01:00"`,
    `meta.created sw "2026"`,
    // The version that is shown is made with each answer.
    `meta.version eq "1"`,
    `userName eq "${"a".repeat(8 * 1024)}"`,
    `${"(".repeat(41)}title pr${")".repeat(41)}`,
    Array.from({ length: 101 }, () => "title pr").join(" or "),
  ];
  test.each(refused.map((filter) => [filter.slice(0, 60), filter]))("%s", (_title, filter) =>
    expectRefused("/Users", filter),
  );
});

async function expectUsers(filter: string, expected: readonly Person[]): Promise<void> {
  const names = (await found("/Users", filter)).flatMap((id) => ids.get(id) ?? []);
  expect(names.toSorted()).toEqual(expected.toSorted());
}

async function expectRefused(path: string, filter: string): Promise<void> {
  const { status, body } = await tenant.scim("GET", `${path}?filter=${encodeURIComponent(filter)}`);
  expect([status, body["scimType"]]).toEqual([400, "invalidFilter"]);
  expect(body["detail"]).toEqual(expect.any(String));
}

async function found(path: string, filter: string): Promise<readonly string[]> {
  const { status, body } = await tenant.scim("GET", `${path}?filter=${encodeURIComponent(filter)}`);
  expect([status, body["detail"]]).toEqual([200, undefined]);
  const resources = (body["Resources"] ?? []) as readonly Record<string, unknown>[];
  expect(body["totalResults"]).toBe(resources.length);
  return resources.map((one) => one["id"] as string).toSorted();
}
