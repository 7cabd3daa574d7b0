import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { openAt } from "../harness/providers/provider-scenes.ts";
import { createTenant, newGroup, newUser } from "../harness/tenant.ts";

// A SCIM server that the client was not written with: our own, which pages by cursor.
const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const never = new AbortController().signal;
const open = (token = tenant.scimToken) =>
  openAt({ origin: house.url }, { kind: "scim", url: `${house.url}/scim/v2` }, token);

test("Rollcall asks another Rollcall, and is answered by its words", async () => {
  const provider = open();
  const ids: string[] = [];
  for (const name of ["ann", "bob", "cid", "dan", "eve", "fay", "gil"]) {
    const { body } = await tenant.scim("POST", "/Users", newUser(name, { active: name !== "cid" }));
    ids.push(String(body["id"]));
  }
  const { body: group } = await tenant.scim("POST", "/Groups", newGroup("East", ids.slice(0, 5)));
  await tenant.scim("POST", "/Groups", newGroup("West"));

  const listed: unknown[] = [];
  for await (const page of provider.listUsers(never))
    listed.push(...page.map(({ id, attributes }) => [id, attributes.active]));
  expect(listed).toHaveLength(7);
  expect(listed).toEqual(expect.arrayContaining(ids.map((id, index) => [id, index !== 2])));

  const groups: unknown[] = [];
  for await (const page of provider.listGroups?.(never) ?? [])
    groups.push(...page.map(({ id, members }) => [id, members.toSorted()]));
  expect(groups).toHaveLength(2);
  expect(groups).toContainEqual([group["id"], ids.slice(0, 5).toSorted()]);

  const [ann = ""] = ids;
  const userName = String((await tenant.scim("GET", `/Users/${ann}`)).body["userName"]);
  for (const names of [{ id: ann }, { userName: userName.toUpperCase() }])
    expect((await provider.readUser(names, never))?.id).toBe(ann);

  await tenant.scim("DELETE", `/Users/${ann}`);
  for (const names of [{ id: ann }, { userName }]) expect(await provider.readUser(names, never)).toBeUndefined();
  await expect(open("another-token").readUser({ id: ann }, never)).rejects.toMatchObject({ reason: "unauthenticated" });
});
