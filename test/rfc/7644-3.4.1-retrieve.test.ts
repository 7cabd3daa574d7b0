import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser } from "../harness/tenant.ts";
import { coreGroup, coreUser } from "./extended-tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const made = await tenant.scim("POST", "/Users", newUser("ann", { title: "Boss" }));
const user = `/Users/${made.body["id"] as string}`;
const group = `/Groups/${(await tenant.scim("POST", "/Groups", newGroup("Sales", [made.body["id"] as string]))).body["id"] as string}`;

describe("§3.4.1: a known resource", () => {
  test("is 200 with the resource, where it is and its tag", async () => {
    const { status, headers, body } = await tenant.scim("GET", user);
    expect([status, headers.get("content-type")]).toEqual([200, "application/scim+json; charset=utf-8"]);
    const meta = body["meta"] as Record<string, string>;
    expect([headers.get("etag"), headers.get("location")]).toEqual([meta["version"], meta["location"]]);
    expect(body).toMatchObject({ schemas: [coreUser], userName: "ann@example.test", title: "Boss" });
  });

  test("is found at every location that the server has said", async () => {
    const { body } = await tenant.scim("GET", group);
    const [member] = body["members"] as readonly { readonly $ref: string }[];
    for (const location of [(body["meta"] as Record<string, string>)["location"] ?? "", member?.$ref ?? ""])
      expect((await tenant.scim("GET", location.replace("https://rollcall.test/scim/v2", ""))).status).toBe(200);
  });

  test("is the same with a slash at the end, and with parameters that SCIM does not know", async () => {
    const { body } = await tenant.scim("GET", user);
    for (const path of [`${user}/`, `${user}?aadOptscim062020`, `${user}?filter=x`])
      expect((await tenant.scim("GET", path)).body).toEqual(body);
  });
});

test("§3.4.1: an unknown resource is 404, and so is one of another type, another spelling or no id at all", async () => {
  const id = user.slice("/Users/".length);
  for (const path of [
    `/Groups/${id}`,
    `/Users/${id.slice(0, -1)}`,
    `/Users/${crypto.randomUUID()}`,
    "/Users/x",
    "/Users/%00",
    `/Users/${id}/groups`,
    "/Devices",
  ]) {
    const { status, body } = await tenant.scim("GET", path);
    expect([path, status, body]).toEqual([
      path,
      404,
      { schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"], status: "404", detail: "no such resource" },
    ]);
  }
});

describe("RFC 9110 §9.3.2: HEAD answers as GET does, without the body", () => {
  const paths = [
    user,
    group,
    `${user}?attributes=userName`,
    "/Users",
    "/Groups",
    "/Users?count=0",
    "/ServiceProviderConfig",
    "/ResourceTypes",
    "/ResourceTypes/User",
    "/Schemas",
    `/Schemas/${coreGroup}`,
    "/Users/x",
    "/Nothing",
  ];

  test.each(paths)("%s", async (path) => {
    const get = await tenant.scim("GET", path);
    const head = await tenant.scim("HEAD", path);
    const said = ({ headers }: typeof get) =>
      [...headers].filter(([name]) => !["date", "request-id", "connection", "keep-alive"].includes(name));
    expect(head.status).toBe(get.status);
    expect(head.body).toEqual({});
    expect(said(head)).toEqual(said(get));
  });

  test("of what a client has already is 304", async () => {
    const { headers } = await tenant.scim("HEAD", user);
    expect((await tenant.scim("HEAD", user, undefined, { "if-none-match": headers.get("etag") ?? "" })).status).toBe(
      304,
    );
  });
});
