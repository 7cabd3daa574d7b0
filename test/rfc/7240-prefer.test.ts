import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type ScimAnswer } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const minimal = { prefer: "return=minimal" };
const title = (value: string) => patch({ op: "replace", path: "title", value });

const said = ({ status, headers, body }: ScimAnswer) => ({
  status,
  applied: headers.get("preference-applied"),
  isEmpty: Object.keys(body).length === 0,
});
const location = ({ headers }: ScimAnswer): string =>
  (headers.get("location") ?? "").replace("https://rollcall.test/scim/v2", "");

test("§4.2: who prefers the minimum is told where the resource is and which version, and no more", async () => {
  const made = await tenant.scim("POST", "/Users", newUser("u1"), minimal);
  expect(said(made)).toEqual({ status: 201, applied: "return=minimal", isEmpty: true });
  const one = location(made);
  expect((await tenant.scim("GET", one)).body["userName"]).toBe("u1@example.test");
  expect(made.headers.get("etag")).toBe('W/"1"');
  const put = await tenant.scim("PUT", one, newUser("u1", { title: "a" }), minimal);
  expect([said(put), put.headers.get("etag"), location(put)]).toEqual([
    { status: 204, applied: "return=minimal", isEmpty: true },
    'W/"2"',
    one,
  ]);
  expect(said(await tenant.scim("PATCH", one, title("b"), minimal))).toEqual({
    status: 204,
    applied: "return=minimal",
    isEmpty: true,
  });
  expect((await tenant.scim("GET", one)).body["title"]).toBe("b");
});

test("§4.2: who prefers the representation of a patched group gets it", async () => {
  const group = location(await tenant.scim("POST", "/Groups", newGroup("Sales")));
  const rename = patch({ op: "replace", path: "displayName", value: "Support" });
  expect(said(await tenant.scim("PATCH", group, rename))).toEqual({ status: 204, applied: null, isEmpty: true });
  const shown = await tenant.scim("PATCH", group, rename, { prefer: "return=representation" });
  expect([said(shown), shown.body["displayName"]]).toEqual([
    { status: 200, applied: "return=representation", isEmpty: false },
    "Support",
  ]);
});

test("§2: the first of two counts, and what is not known is passed over", async () => {
  const one = location(await tenant.scim("POST", "/Users", newUser("u2")));
  const applied = async (prefer: string) =>
    (await tenant.scim("PATCH", one, title("c"), { prefer })).headers.get("preference-applied");
  expect(await applied('handling=lenient, Return="minimal"; x=y')).toBe("return=minimal");
  expect(await applied("return=representation, return=minimal")).toBe("return=representation");
  expect(await applied("return=everything")).toBeNull();
  expect(await applied("wait=10")).toBeNull();
});

test("who asks for attributes is answered with them, whatever else is preferred (RFC 7644 §3.5.2)", async () => {
  const one = location(await tenant.scim("POST", "/Users", newUser("u3")));
  const asked = await tenant.scim("PATCH", `${one}?attributes=title`, title("d"), minimal);
  expect([said(asked), asked.body["title"]]).toEqual([{ status: 200, applied: null, isEmpty: false }, "d"]);
});

test("a refusal is said in full, whatever is preferred", async () => {
  const refused = await tenant.scim("POST", "/Users", {}, minimal);
  expect([refused.status, refused.body["scimType"]]).toEqual([400, "invalidValue"]);
});
