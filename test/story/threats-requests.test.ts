import { gzipSync } from "node:zlib";
import { sql } from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createUser, readRows, scimJson, sendRaw, wordsOf } from "../harness/neighbours.ts";
import { createTenant, newUser, patch } from "../harness/tenant.ts";
import { readUserStore, untilQuiet } from "../harness/user-store.ts";

/** What could be tried by what a request is made of. Each story is told of one threat. */
const house = await openHouse();

describe("T7: names that lead to a prototype", () => {
  const names = [
    "__proto__",
    "constructor",
    "prototype",
    "__proto__.polluted",
    "constructor.prototype.polluted",
    "a.__proto__",
  ];

  test.each(names)("%s is refused wherever it stands, and reaches no object", async (name) => {
    const tenant = await createTenant(house);
    const id = await createUser(house, tenant, "ann");
    const before = await readRows(house, tenant);
    // Written as text: an object literal would set its own prototype.
    const bodies = [
      ["POST", "/Users", `{"userName":"x","${name}":{"polluted":true}}`],
      ["PUT", `/Users/${id}`, `{"userName":"x","name":{"${name}":"x"}}`],
      ["PATCH", `/Users/${id}`, `{"Operations":[{"op":"replace","value":{"${name}":{"polluted":true}}}]}`],
      ["PATCH", `/Users/${id}`, `{"Operations":[{"op":"replace","path":"${name}","value":true}]}`],
      ["PATCH", `/Users/${id}`, `{"Operations":[{"op":"add","path":"emails[${name} eq \\"x\\"].value","value":"x"}]}`],
    ] as const;
    for (const [method, path, body] of bodies)
      expect([body, (await sendRaw(house, tenant, method, path, body)).status]).toEqual([body, 400]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(await readRows(house, tenant)).toEqual(before);
  });
});

describe("T8: attributes that are not the provider's to write", () => {
  const reserved = {
    id: "0198a000-0000-7000-8000-00000000beef",
    meta: { version: 'W/"99"', created: "1970-01-01T00:00:00Z", location: "https://evil.test" },
    groups: [{ value: "admins", display: "Admins" }],
    tenantId: "0198a000-0000-7000-8000-00000000beef",
    connection_id: "0198a000-0000-7000-8000-00000000beef",
    version: 99,
    denials: [],
    isAdmin: true,
    sub: "root",
  };

  test("are passed over in a body, refused in a PATCH, and change nothing", async () => {
    const tenant = await createTenant(house);
    const created = await tenant.scim("POST", "/Users", { ...newUser("ann"), ...reserved });
    const id = created.body["id"] as string;
    expect(id).not.toBe(reserved.id);
    const replaced = await tenant.scim("PUT", `/Users/${id}`, { ...newUser("ann"), ...reserved });
    for (const { body } of [created, replaced]) {
      expect(body["meta"]).toMatchObject({ version: 'W/"1"' });
      expect(Object.keys(body).toSorted()).toEqual(["active", "externalId", "id", "meta", "schemas", "userName"]);
    }
    for (const [path, value] of Object.entries(reserved)) {
      const answer = await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "replace", path, value }));
      expect([path, answer.status]).toEqual([path, 400]);
    }
    await untilQuiet(house, tenant.id);
    expect((await readUserStore(house, tenant.id)).get(id)).toMatchObject({ identities: ["ann"], groups: [] });
    const stored = await house.database.once<{ attributes: object }>(
      tenant.id,
      sql`SELECT attributes FROM directory_user`,
    );
    expect(stored.map(({ attributes }) => Object.keys(attributes).toSorted())).toEqual([
      ["active", "externalId", "userName"],
    ]);
  });
});

describe("T9: a filter or a path made to exhaust", () => {
  const deep = (open: string, close: string, times: number): string =>
    `${open.repeat(times)}userName pr${close.repeat(times)}`;
  const texts = [
    deep("(", ")", 41),
    deep("(", ")", 3000),
    deep("not (", ")", 1000),
    "(".repeat(8000),
    Array.from({ length: 101 }, () => "userName pr").join(" and "),
    `userName eq "${"a".repeat(9000)}"`,
    `userName${" ".repeat(8000)}eq`,
    `emails[${"type eq "}${"(".repeat(2000)}`,
    `userName eq "${'\\"'.repeat(4000)}`,
  ];

  test.each(texts.map((text) => [`${text.slice(0, 40)}… (${text.length})`, text]))(
    "%s is refused by what it is, and the next request is served",
    async (_name, text) => {
      const tenant = await createTenant(house);
      const id = await createUser(house, tenant, "ann");
      const listed = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(text)}`);
      expect(wordsOf(listed)).toMatchObject({ status: 400, scimType: "invalidFilter" });
      const patched = await tenant.scim("PATCH", `/Users/${id}`, patch({ op: "remove", path: `emails[${text}]` }));
      expect(patched.status).toBe(400);
      expect((await tenant.scim("GET", `/Users/${id}`)).status).toBe(200);
    },
  );

  test("what is within the limits is answered", async () => {
    const tenant = await createTenant(house);
    await createUser(house, tenant, "ann");
    const filter = deep("(", ")", 40);
    expect((await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`)).body["totalResults"]).toBe(1);
  });
});

describe("T10: words of another language", () => {
  const words = [
    "' OR '1'='1",
    "'; DROP TABLE directory_user; --",
    "%",
    "_",
    "a%",
    "\\",
    "$1",
    "${id}",
    "{{id}}",
    "*",
    "nul\\u0000",
  ];

  test.each(words)("%s in a value is a value", async (word) => {
    const tenant = await createTenant(house);
    await createUser(house, tenant, "ann");
    const written = word.replaceAll("\\", "\\\\").replace("\\\\u0000", "\\u0000");
    const searches = ["displayName", "id", "externalId"].flatMap((attribute) =>
      ["eq", "co", "sw", "ew"].map((operator) => `${attribute} ${operator} "${written}"`),
    );
    for (const filter of searches) {
      const answer = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(filter)}`);
      expect([filter, answer.status === 400 ? 0 : answer.body["totalResults"]]).toEqual([filter, 0]);
    }
    for (const path of [`/Users/${encodeURIComponent(word)}`, `/Groups/${encodeURIComponent(word)}`])
      expect([path, (await tenant.scim("GET", path)).status]).toEqual([path, 404]);
    expect((await tenant.scim("GET", "/Users")).body["totalResults"]).toBe(1);
  });

  test("an object in the place of a value is no value, and matches nobody", async () => {
    const tenant = await createTenant(house);
    const id = await createUser(house, tenant, "ann");
    const before = await readRows(house, tenant);
    for (const value of [{ contains: "" }, { not: null }, { $ne: 1 }, ["ann"], true, 1]) {
      expect((await tenant.scim("POST", "/Users", { userName: value })).status).toBe(400);
      expect((await tenant.scim("POST", "/Users", { userName: "x", externalId: value })).status).toBe(400);
      const change = patch({ op: "replace", path: "userName", value });
      expect((await tenant.scim("PATCH", `/Users/${id}`, change)).status).toBe(400);
    }
    expect(await readRows(house, tenant)).toEqual(before);
  });
});

describe("T11: a body in another media type", () => {
  const types = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/json\ta",
    "application/json; charset",
    "application/jsonp",
    "multipart/form-data; boundary=x",
  ];

  test.each(types)("%s is not read at all", async (type) => {
    const tenant = await createTenant(house, { kind: "okta" });
    const answer = await sendRaw(house, tenant, "POST", "/Users", '{"userName":1}', { "content-type": type });
    expect(answer.status).toBe(415);
  });

  test("what is read is held to the same, by whatever name it came", async () => {
    const tenant = await createTenant(house, { kind: "okta" });
    for (const type of [
      "application/json",
      "application/scim+json; charset=utf-8",
      "text/json",
      "TEXT/JSON; charset=UTF-8",
    ])
      expect((await sendRaw(house, tenant, "POST", "/Users", '{"userName":1}', { "content-type": type })).status).toBe(
        400,
      );
  });
});

describe("T12: a body that is small on the wire", () => {
  test("is not unpacked, and one that is large is not kept", async () => {
    const tenant = await createTenant(house);
    const bomb = gzipSync(Buffer.alloc(16 * 1024 * 1024, " "));
    for (const encoding of ["gzip", "br", "deflate", "zstd", "gzip, gzip"]) {
      const answer = await sendRaw(house, tenant, "POST", "/Users", bomb, {
        ...scimJson,
        "content-encoding": encoding,
      });
      expect([encoding, answer.status]).toEqual([encoding, 415]);
    }
    const large = `{"userName":"ann","title":"${"a".repeat(1024 * 1024)}"}`;
    expect((await sendRaw(house, tenant, "POST", "/Users", large)).status).toBe(413);
    expect((await tenant.scim("GET", "/Users")).body["totalResults"]).toBe(0);
  });
});

describe("T13: a body that is deep, or says two things", () => {
  const bodies = [
    `{"userName":"ann","x":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    `{"userName":"ann","x":${'{"a":'.repeat(33)}1${"}".repeat(33)}}`,
    '{"userName":"ann","active":false,"active":true}',
    '{"userName":"ann","active":false,"Active":true}',
    '{"userName":"ann","active":false,"\\u0061ctive":true}',
    '{"userName":"ann","active":false}{"active":true}',
  ];

  test.each(bodies.map((body) => [`${body.slice(0, 60)}…`, body]))(
    "%s is refused, and nobody comes of it",
    async (_name, body) => {
      const tenant = await createTenant(house);
      const answer = await sendRaw(house, tenant, "POST", "/Users", body);
      expect(answer.status).toBe(400);
      expect((await tenant.scim("GET", "/Users")).body["totalResults"]).toBe(0);
    },
  );

  test("a leaver is not let in by the second of two words, under a name of another age", async () => {
    const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    const tenant = await createTenant(house, { kind: "onelogin" });
    const twice = {
      "urn:scim:schemas:extension:enterprise:1.0": { department: "A" },
      [enterprise]: { department: "B" },
    };
    expect((await tenant.scim("POST", "/Users", { ...newUser("ann"), ...twice })).status).toBe(400);
  });
});
