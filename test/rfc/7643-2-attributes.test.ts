import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { newUser, patch } from "../harness/tenant.ts";
import { acme, coreUser, createExtendedTenant, enterprise } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createExtendedTenant(house, [
  { name: "text", type: "string" },
  { name: "exact", type: "string", caseExact: true },
  { name: "flag", type: "boolean" },
  { name: "ratio", type: "decimal" },
  { name: "count", type: "integer" },
  { name: "hired", type: "dateTime" },
  { name: "seal", type: "binary" },
  { name: "page", type: "reference", referenceTypes: ["external"] },
  { name: "tags", type: "string", multiValued: true },
  {
    name: "inner",
    type: "complex",
    subAttributes: [
      { name: "part", type: "string" },
      { name: "size", type: "integer" },
    ],
  },
]);
let made = 0;

const create = (more: Record<string, unknown>) => tenant.scim("POST", "/Users", newUser(`u${(made += 1)}`, more));
const createExtended = (values: Record<string, unknown>) => create({ [acme]: values });

async function found(filter: string): Promise<number> {
  const { status, body } = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
  expect([filter, status, body["detail"]]).toEqual([filter, 200, undefined]);
  return body["totalResults"] as number;
}

describe("§2.1: names have no case", () => {
  test("in a body, of attributes, sub-attributes and schema URNs", async () => {
    const written = { USERNAME: `n${(made += 1)}`, NAME: { GIVENNAME: "Ann" }, [acme.toUpperCase()]: { TEXT: "a" } };
    const { body } = await tenant.scim("POST", "/Users", written);
    expect(body).toMatchObject({ name: { givenName: "Ann" }, [acme]: { text: "a" } });
  });

  test("in a filter, in attributes and in a PATCH path", async () => {
    const { body } = await createExtended({ text: "no case" });
    const one = `/Users/${body["id"] as string}`;
    expect(await found(`${acme.toUpperCase()}:TEXT eq "no case"`)).toBe(1);
    const shown = await tenant.scim("GET", `${one}?attributes=${acme.toUpperCase()}:TEXT`);
    expect(shown.body[acme]).toEqual({ text: "no case" });
    const path = `${acme.toUpperCase()}:TEXT`;
    const changed = await tenant.scim("PATCH", one, patch({ op: "replace", path, value: "b" }));
    expect(changed.body[acme]).toEqual({ text: "b" });
  });
});

describe("§2.2: what an attribute is unless it says otherwise", () => {
  test("not required, without case, read and written, returned by default, not unique", async () => {
    const { body } = await tenant.scim("GET", `/Schemas/${acme}`);
    const [text] = body["attributes"] as readonly unknown[];
    expect(text).toEqual({
      name: "text",
      type: "string",
      multiValued: false,
      description: "",
      required: false,
      caseExact: false,
      mutability: "readWrite",
      returned: "default",
      uniqueness: "none",
    });
  });

  test("text compares without case, and exactly where it is case exact", async () => {
    await createExtended({ text: "Straße Ω", exact: "AbC" });
    expect(await found(`${acme}:text eq "STRASSE ω"`)).toBe(0);
    expect(await found(`${acme}:text eq "straße ω"`)).toBe(1);
    expect(await found(`${acme}:exact eq "AbC"`)).toBe(1);
    expect(await found(`${acme}:exact eq "abc"`)).toBe(0);
    expect(await found(`${acme}:exact sw "ab"`)).toBe(0);
  });
});

describe("§2.3: a value has its attribute's type, and comes back as it was written", () => {
  const right: Record<string, unknown> = {
    text: "é ☃ 🙂",
    exact: "AbC",
    flag: false,
    ratio: 1.25,
    count: -7,
    hired: "2024-05-01T02:00:00+02:00",
    seal: "AQID",
    page: "https://acme.example/ann",
    tags: ["b", "a"],
    inner: { part: "p", size: 1 },
  };

  test("of every type", async () => {
    const { status, body } = await createExtended(right);
    expect([status, body[acme]]).toEqual([201, right]);
    expect((await tenant.scim("GET", `/Users/${body["id"] as string}`)).body[acme]).toEqual(right);
  });

  const wrong: readonly (readonly [string, unknown])[] = [
    ["text", 1],
    ["text", ["a"]],
    ["text", {}],
    ["flag", "yes"],
    ["flag", 1],
    ["ratio", "1.25"],
    ["count", 1.5],
    ["count", 2 ** 53],
    ["hired", "2024-05-01"],
    ["hired", "2023-02-29T00:00:00Z"],
    ["seal", "not base64!"],
    ["page", true],
    ["tags", "a"],
    ["tags", [1]],
    ["inner", "p"],
    ["inner", { size: "1" }],
  ];

  test.each(wrong)("%s cannot be %j, in a body or in a PATCH", async (name, value) => {
    const refusal = { status: 400, body: { scimType: "invalidValue" } };
    expect(await createExtended({ [name]: value })).toMatchObject(refusal);
    const { body } = await createExtended({ text: "kept" });
    const one = `/Users/${body["id"] as string}`;
    // A PATCH may give one element of many without its array (RFC 7644 §3.5.2.1).
    if (name === "tags" && value === "a") return;
    const path = `${acme}:${name}`;
    expect(await tenant.scim("PATCH", one, patch({ op: "replace", path, value }))).toMatchObject(refusal);
    expect((await tenant.scim("GET", one)).body[acme]).toEqual({ text: "kept" });
  });

  test("§2.3.2: Entra's words are booleans where the schema says boolean, and nowhere else", async () => {
    expect((await createExtended({ flag: "True", text: "True" })).body[acme]).toEqual({ flag: true, text: "True" });
  });

  test("§2.3.5: a moment is found by its moment, however it was written", async () => {
    await createExtended({ hired: "1999-12-31T23:30:00-01:00" });
    expect(await found(`${acme}:hired eq "2000-01-01T00:30:00Z"`)).toBe(1);
    expect(await found(`${acme}:hired lt "2000-01-01T00:30:01Z"`)).toBe(1);
    expect(await found(`${acme}:hired lt "2000-01-01T00:30:00Z"`)).toBe(0);
  });

  test("numbers compare as numbers", async () => {
    await createExtended({ count: 100_010, ratio: 100_000.5 });
    expect(await found(`${acme}:count gt 100009`)).toBe(1);
    expect(await found(`${acme}:count gt 99999999`)).toBe(0);
    expect(await found(`${acme}:ratio eq 100000.50`)).toBe(1);
  });

  test("§2.3.7: a reference is case exact", async () => {
    await createExtended({ page: "https://acme.example/Bob" });
    expect(await found(`${acme}:page eq "https://acme.example/Bob"`)).toBe(1);
    expect(await found(`${acme}:page eq "https://acme.example/bob"`)).toBe(0);
    await create({ profileUrl: "https://acme.example/Carl" });
    expect(await found('profileUrl eq "https://acme.example/carl"')).toBe(0);
  });
});

describe("§2.4: attributes of many values", () => {
  test("an element that is primary is the only one", async () => {
    const emails = [
      { value: "a@acme.example", primary: true },
      { value: "b@acme.example", primary: true },
    ];
    expect(await create({ emails })).toMatchObject({ status: 400, body: { scimType: "invalidValue" } });
  });

  test("canonical values are suggestions: another type is kept", async () => {
    const { body } = await create({ emails: [{ value: "a@acme.example", type: "ski lodge" }] });
    expect(body["emails"]).toEqual([{ value: "a@acme.example", type: "ski lodge" }]);
  });

  test("simple values are found, added and taken one by one", async () => {
    const { body } = await createExtended({ tags: ["red", "blue"] });
    const one = `/Users/${body["id"] as string}`;
    expect(await found(`${acme}:tags eq "RED"`)).toBe(1);
    await tenant.scim("PATCH", one, patch({ op: "add", path: `${acme}:tags`, value: ["green", "red"] }));
    await tenant.scim("PATCH", one, patch({ op: "remove", path: `${acme}:tags`, value: ["blue"] }));
    expect((await tenant.scim("GET", one)).body[acme]).toEqual({ tags: ["red", "green"] });
  });
});

describe('§2.5: "Unassigned attributes, the null value, or an empty array […] SHALL be considered to be equivalent"', () => {
  test("null, an empty array and an empty complex value are no value", async () => {
    const { body } = await create({ title: null, emails: [], name: {}, [acme]: { tags: [], inner: {}, text: null } });
    for (const name of ["title", "emails", "name", acme]) expect(body).not.toHaveProperty([name]);
    expect(body["schemas"]).toEqual([coreUser]);
  });

  test("and a PUT that says null says the same as one that is silent", async () => {
    const { body } = await create({ title: "Boss", [enterprise]: { department: "R&D" } });
    const user = { userName: body["userName"], externalId: body["externalId"] };
    const put = await tenant.scim("PUT", `/Users/${body["id"] as string}`, {
      ...user,
      title: null,
      [enterprise]: null,
    });
    expect(put.status).toBe(200);
    expect(put.body).not.toHaveProperty("title");
    expect(put.body).not.toHaveProperty([enterprise]);
    const again = await tenant.scim("PUT", `/Users/${body["id"] as string}`, user);
    expect(again.headers.get("etag")).toBe(put.headers.get("etag"));
  });
});
