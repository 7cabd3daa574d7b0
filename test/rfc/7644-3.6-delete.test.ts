import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);

const idOf = ({ body }: { readonly body: Record<string, unknown> }): string => body["id"] as string;

describe.each([
  ["Users", newUser("gone"), "userName", "gone@example.test"],
  ["Groups", newGroup("gone"), "displayName", "gone"],
] as const)("§3.6: /%s/{id}", (collection, body, attribute, name) => {
  test("a deletion is 204 without a body, and 404 for what is not there", async () => {
    const one = `/${collection}/${idOf(await tenant.scim("POST", `/${collection}`, body))}`;
    const gone = await tenant.scim("DELETE", one);
    expect([gone.status, gone.body, gone.headers.get("content-type")]).toEqual([204, {}, null]);
    expect((await tenant.scim("DELETE", `/${collection}/${crypto.randomUUID()}`)).status).toBe(404);
  });

  test('"MUST return a 404 (Not Found) error code for all operations associated with the previously deleted resource"', async () => {
    const one = `/${collection}/${idOf(await tenant.scim("POST", `/${collection}`, body))}`;
    await tenant.scim("DELETE", one);
    const rename = patch({ op: "replace", path: "displayName", value: "x" });
    for (const [method, sent] of [["GET"], ["HEAD"], ["PUT", body], ["PATCH", rename], ["DELETE"]] as const)
      expect([method, (await tenant.scim(method, one, sent)).status]).toEqual([method, 404]);
  });

  test('"MUST omit the resource from future query results", and its name is free again', async () => {
    const one = idOf(await tenant.scim("POST", `/${collection}`, body));
    const found = async () =>
      (await tenant.scim("GET", `/${collection}?filter=${encodeURIComponent(`${attribute} eq "${name}"`)}`)).body[
        "totalResults"
      ];
    expect(await found()).toBe(1);
    await tenant.scim("DELETE", `/${collection}/${one}`);
    expect(await found()).toBe(0);
    const again = await tenant.scim("POST", `/${collection}`, body);
    expect(again.status).toBe(201);
    await tenant.scim("DELETE", `/${collection}/${idOf(again)}`);
  });
});

test("a deleted user is a member of nothing, and a deleted group is nobody's", async () => {
  const user = idOf(await tenant.scim("POST", "/Users", newUser("member")));
  const group = idOf(await tenant.scim("POST", "/Groups", newGroup("Left", [user])));
  const other = idOf(await tenant.scim("POST", "/Groups", newGroup("Deleted", [user])));
  await tenant.scim("DELETE", `/Groups/${other}`);
  expect((await tenant.scim("GET", `/Users/${user}`)).body["groups"]).toMatchObject([{ value: group }]);
  await tenant.scim("DELETE", `/Users/${user}`);
  expect((await tenant.scim("GET", `/Groups/${group}`)).body).not.toHaveProperty("members");
});
