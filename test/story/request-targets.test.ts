import { request as ask } from "node:http";
import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createPerson } from "../harness/person.ts";
import { createTenant, newUser } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });

test.each([
  "?",
  "??",
  '?attributes="id"',
  "?attributes=<id>",
  "?attributes=id&x='",
  "?attributes=id&x=`{|}^",
  "?attributes=id&x=/../..",
  "?attributes=id&x=%2e%2E%23",
  "?attributes=id?externalId",
])("/Me%s is answered as the user's own address is", async (query) => {
  const { id, token, tenant } = await createPerson(house);
  const mine = await get(`/scim/v2/Me${query}`, token);
  const own = await get(`/scim/v2/Users/${id}${query}`, tenant.scimToken);
  expect([mine.status, JSON.parse(mine.text)]).toEqual([200, JSON.parse(own.text)]);
});

test.each([".", ".."])("a Bulk has no operation on /Users/%s, and all others are done", async (id) => {
  const tenant = await createTenant(house);
  const { status, body } = await tenant.scim("POST", "/Bulk", {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
    Operations: [
      { method: "DELETE", path: `/Users/${id}` },
      { method: "PATCH", path: `Users/${id}/`, data: { Operations: [] } },
      { method: "POST", path: "/Users", bulkId: "a", data: newUser("ann") },
    ],
  });
  const done = body["Operations"] as readonly { status: string; response?: { scimType?: string } }[];
  expect([status, done.map((one) => [one.status, one.response?.scimType])]).toEqual([
    200,
    [
      ["400", "invalidPath"],
      ["400", "invalidPath"],
      ["201", undefined],
    ],
  ]);
});

test.each(["/Users#%", "/Users#", "/Users?count=1#top", "/#/../Users", "/Me#x", "/Nothing#%zz"])(
  "400: %s has a fragment, which no request target may have",
  async (path) => {
    const tenant = await createTenant(house);
    const { status, text, type } = await get(`/scim/v2${path}`, tenant.scimToken);
    expect([status, type, JSON.parse(text)]).toEqual([
      400,
      "application/scim+json; charset=utf-8",
      {
        schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
        status: "400",
        scimType: "invalidSyntax",
        detail: "send no fragment: a request target has none (RFC 9112, section 3.2)",
      },
    ]);
    expect((await get(`/scim/v2${path}`, "nobody's")).status).toBe(401);
  },
);

/** Sends the target as it is written: fetch would mend it first. */
function get(
  path: string,
  token: string,
): Promise<{ readonly status: number | undefined; readonly type: string | undefined; readonly text: string }> {
  const { hostname, port } = new URL(house.url);
  return new Promise((answer, fail) => {
    const sending = ask(
      { hostname, port, path, agent: false, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (piece: string) => (text += piece));
        response.once("end", () =>
          answer({ status: response.statusCode, type: response.headers["content-type"], text }),
        );
      },
    );
    sending.once("error", fail);
    sending.end();
  });
}
