import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const created = await tenant.scim("POST", "/Users", newUser("ann"));
const one = `/Users/${created.body["id"] as string}`;
let made = 0;

const typeOf = async (path: string, accept: string) => {
  const { status, headers } = await tenant.scim("GET", path, undefined, { accept });
  return [status, headers.get("content-type")];
};

/** A creation with a body of this type, which says what it is and how it is packed. */
const post = (of: TestTenant, headers: Record<string, string>) =>
  of.scim("POST", "/Users", newUser(`m${(made += 1)}`), headers);

describe("§3.8: what an answer is", () => {
  test("SCIM's media type in UTF-8, unless the sender would rather have plain JSON", async () => {
    for (const path of [one, "/Users", "/Schemas", "/ServiceProviderConfig"]) {
      expect(await typeOf(path, "application/scim+json")).toEqual([200, "application/scim+json; charset=utf-8"]);
      expect(await typeOf(path, "*/*")).toEqual([200, "application/scim+json; charset=utf-8"]);
      expect(await typeOf(path, "application/json")).toEqual([200, "application/json; charset=utf-8"]);
    }
    expect(await typeOf("/Users/none", "application/json")).toEqual([404, "application/json; charset=utf-8"]);
  });

  test("406 for a read by a sender who takes neither, with a body that says which there are", async () => {
    const { status, body } = await tenant.scim("GET", one, undefined, { accept: "text/html, application/xml;q=0.9" });
    expect([status, body["status"], body["detail"]]).toEqual([
      406,
      "406",
      "answers are application/scim+json or application/json",
    ]);
  });

  test("a write is done whatever its sender takes: a leaver is not let in for a header", async () => {
    const { body } = await tenant.scim("POST", "/Users", newUser("leaver"));
    const off = await tenant.scim(
      "PATCH",
      `/Users/${body["id"] as string}`,
      { Operations: [{ op: "replace", value: { active: false } }] },
      { accept: "text/html" },
    );
    expect([off.status, off.body["active"]]).toEqual([200, false]);
  });
});

describe("§3.1: what a body may be", () => {
  test.each(["application/scim+json", "application/json", "application/scim+json; charset=utf-8", "APPLICATION/JSON"])(
    "%s is read",
    async (type) => {
      expect((await post(tenant, { "content-type": type })).status).toBe(201);
    },
  );

  test.each([
    "text/plain",
    "application/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/vnd.api+json",
    "text/html",
  ])("%s is 415, before anything is read", async (type) => {
    const { status, body } = await post(tenant, { "content-type": type });
    expect([status, body["status"]]).toEqual([415, "415"]);
  });

  test("text/json is read where the connection is Okta's, which may send it, and 415 elsewhere", async () => {
    const okta = await createTenant(house, { kind: "okta" });
    expect((await post(okta, { "content-type": "text/json" })).status).toBe(201);
    expect((await post(tenant, { "content-type": "text/json" })).status).toBe(415);
  });

  test("a packed body is 415: a megabyte may be a gigabyte", async () => {
    expect((await post(tenant, { "content-encoding": "gzip" })).status).toBe(415);
    expect((await post(tenant, { "content-encoding": "identity" })).status).toBe(201);
  });
});

describe("RFC 9110 §9.3.7, §15.5.6: what a path takes", () => {
  const taken: readonly (readonly [string, string])[] = [
    ["/Users", "GET, HEAD, POST, OPTIONS"],
    ["/Users/", "GET, HEAD, POST, OPTIONS"],
    [one, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["/Groups", "GET, HEAD, POST, OPTIONS"],
    [`/Groups/${crypto.randomUUID()}`, "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"],
    ["/ServiceProviderConfig", "GET, HEAD, OPTIONS"],
    ["/ResourceTypes", "GET, HEAD, OPTIONS"],
    ["/ResourceTypes/User", "GET, HEAD, OPTIONS"],
    ["/Schemas", "GET, HEAD, OPTIONS"],
    ["/Schemas/urn:x", "GET, HEAD, OPTIONS"],
  ];

  test.each(taken)("OPTIONS %s says %s", async (path, allow) => {
    const { status, headers, body } = await tenant.scim("OPTIONS", path);
    expect([status, headers.get("allow"), body]).toEqual([204, allow, {}]);
  });

  // `/Users/` with PUT is a user without an id, whom nobody has.
  test.each(taken.filter(([path]) => path !== "/Users/"))(
    "another method on %s is 405 with the same",
    async (path, allow) => {
      const other = ["POST", "PUT", "PATCH", "DELETE"].find((method) => !allow.split(", ").includes(method)) ?? "";
      const { status, headers, body } = await tenant.scim(other, path);
      expect([status, headers.get("allow"), body["status"]]).toEqual([405, allow, "405"]);
    },
  );

  test("who has no token is told nothing", async () => {
    const { status, headers } = await tenant.scim("OPTIONS", "/Users", undefined, { authorization: "" });
    expect([status, headers.get("allow")]).toEqual([401, null]);
  });
});
