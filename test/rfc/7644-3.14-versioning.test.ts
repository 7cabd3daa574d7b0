import { describe, expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type ScimAnswer } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
let made = 0;

const idOf = ({ body }: ScimAnswer): string => body["id"] as string;
const tagIn = ({ headers }: ScimAnswer): string => headers.get("etag") ?? "";
const createUser = async (): Promise<string> => idOf(await tenant.scim("POST", "/Users", newUser(`v${(made += 1)}`)));
const createGroup = async (members: readonly string[] = []): Promise<string> =>
  idOf(await tenant.scim("POST", "/Groups", newGroup(`V${(made += 1)}`, members)));
const title = (value: string) => patch({ op: "replace", path: "title", value });
const members = (op: "add" | "remove", id: string) => patch({ op, path: "members", value: [{ value: id }] });

/** Reads what has not changed since the tag. */
const since = async (path: string, tag: string): Promise<number> =>
  (await tenant.scim("GET", path, undefined, { "if-none-match": tag })).status;

describe("§3.14: a tag is weak, is meta.version, and is another once the resource is", () => {
  test("in every answer that shows the resource, a list among them", async () => {
    const one = `/Users/${await createUser()}`;
    const read = await tenant.scim("GET", one);
    expect(tagIn(read)).toMatch(/^W\/"[\w.-]+"$/);
    const version = (shown: unknown) => (shown as { readonly meta: { readonly version: string } }).meta.version;
    expect(version(read.body)).toBe(tagIn(read));
    const changed = await tenant.scim("PATCH", one, title("a"));
    expect([version(changed.body), tagIn(changed) === tagIn(read)]).toEqual([tagIn(changed), false]);
    const put = await tenant.scim("PUT", one, { userName: "put@example.test" });
    expect([version(put.body), tagIn(put) === tagIn(changed)]).toEqual([tagIn(put), false]);
    const list = await tenant.scim("GET", `/Users?filter=${encodeURIComponent('userName eq "put@example.test"')}`);
    expect(version((list.body["Resources"] as readonly unknown[])[0])).toBe(tagIn(put));
  });

  test("a write that changes nothing leaves the tag", async () => {
    const one = `/Users/${await createUser()}`;
    const first = await tenant.scim("PATCH", one, title("same"));
    expect(tagIn(await tenant.scim("PATCH", one, title("same")))).toBe(tagIn(first));
  });
});

describe("§3.14, RFC 9110 §13.1.2: If-None-Match of a read", () => {
  test("who has the resource is told 304 with the tag, and no more", async () => {
    const one = `/Users/${await createUser()}`;
    const tag = tagIn(await tenant.scim("GET", one));
    const again = await tenant.scim("GET", one, undefined, { "if-none-match": tag });
    expect([again.status, tagIn(again), again.body]).toEqual([304, tag, {}]);
    for (const known of ["*", tag.slice(2), `"x", ${tag}`])
      expect([known, await since(one, known)]).toEqual([known, 304]);
    for (const unknown of ['W/"0"', '"x"', tag.slice(3, -1), ""])
      expect([unknown, await since(one, unknown)]).toEqual([unknown, 200]);
    await tenant.scim("PATCH", one, title("new"));
    expect(await since(one, tag)).toBe(200);
  });

  test("a user's groups are part of what is read, and a cached user never outlives a membership", async () => {
    const id = await createUser();
    const one = `/Users/${id}`;
    const alone = tagIn(await tenant.scim("GET", one));
    const group = await createGroup();
    expect(await since(one, alone)).toBe(304);

    await tenant.scim("PATCH", `/Groups/${group}`, members("add", id));
    expect(await since(one, alone)).toBe(200);
    const joined = await tenant.scim("GET", one);
    expect(joined.body["groups"]).toMatchObject([{ value: group }]);
    expect(await since(one, tagIn(joined))).toBe(304);

    await tenant.scim(
      "PATCH",
      `/Groups/${group}`,
      patch({ op: "replace", path: "displayName", value: `Renamed ${made}` }),
    );
    expect(await since(one, tagIn(joined))).toBe(200);
    const renamed = tagIn(await tenant.scim("GET", one));

    await tenant.scim("PATCH", `/Groups/${group}`, members("remove", id));
    expect(await since(one, renamed)).toBe(200);
    expect(tagIn(await tenant.scim("GET", one))).toBe(alone);

    const other = await createGroup([id]);
    const member = tagIn(await tenant.scim("GET", one));
    await tenant.scim("DELETE", `/Groups/${other}`);
    expect(await since(one, member)).toBe(200);
  });

  test("a membership costs no write to its user: the version that counts the user's own changes stays", async () => {
    const id = await createUser();
    await createGroup([id]);
    const row = await house.database.prismaIn(tenant.id, (prisma) =>
      prisma.directoryUser.findUnique({ where: { id } }),
    );
    expect(row?.version).toBe(1n);
  });

  test("who reads a user without its groups is not told of them", async () => {
    const id = await createUser();
    const without = `/Users/${id}?excludedAttributes=groups`;
    const tag = tagIn(await tenant.scim("GET", without));
    await createGroup([id]);
    expect(await since(without, tag)).toBe(304);
    await tenant.scim("PATCH", `/Users/${id}`, title("new"));
    expect(await since(without, tag)).toBe(200);
  });

  test("a group's members are part of what is read: who has left, joined, arrived or been renamed is not cached away", async () => {
    const [ann, bob] = [await createUser(), await createUser()];
    const late = `late${(made += 1)}`;
    const one = `/Groups/${await createGroup([ann, bob, late])}`;
    let tag = tagIn(await tenant.scim("GET", one));
    const isNews = async (): Promise<boolean> => {
      const known = tag;
      const status = await since(one, known);
      tag = tagIn(await tenant.scim("GET", one));
      return status === 200 && tag !== known;
    };
    expect(await isNews()).toBe(false);
    await tenant.scim("DELETE", `/Users/${bob}`);
    expect(await isNews()).toBe(true);
    await tenant.scim("PATCH", `/Users/${ann}`, patch({ op: "replace", path: "displayName", value: "Ann" }));
    expect(await isNews()).toBe(true);
    await tenant.scim("POST", "/Users", newUser(late));
    expect(await isNews()).toBe(true);
    await tenant.scim("PATCH", one, members("remove", ann));
    expect(await isNews()).toBe(true);
    expect(await isNews()).toBe(false);
  });
});

describe.each(["Users", "Groups"] as const)("§3.14: conditional writes of /%s/{id}", (collection) => {
  const create = collection === "Users" ? createUser : createGroup;
  const bodyOf = (id: string) => (collection === "Users" ? newUser(id) : newGroup(id));
  const rename = patch({ op: "replace", path: "displayName", value: "changed" });
  const write = (method: string, id: string, headers: Record<string, string>) =>
    tenant.scim(
      method,
      `/${collection}/${id}`,
      method === "PUT"
        ? bodyOf(id)
        : method === "PATCH"
          ? { ...rename, Operations: [{ op: "replace", path: "displayName", value: id }] }
          : undefined,
      headers,
    );

  test.each(["PUT", "PATCH", "DELETE"])(
    "%s with If-Match is done on the version that it names, and 412 on any other",
    async (method) => {
      const id = await create();
      const before = await tenant.scim("GET", `/${collection}/${id}`);
      for (const tag of ['W/"0"', '"x"', 'W/"0", W/"7"', "1", ""]) {
        const refused = await write(method, id, { "if-match": tag });
        expect([tag, refused.status, refused.body["status"]]).toEqual([tag, 412, "412"]);
      }
      expect((await tenant.scim("GET", `/${collection}/${id}`)).body).toEqual(before.body);
      expect((await write(method, id, { "if-match": `W/"0", ${tagIn(before)}` })).status).toBeLessThan(300);
    },
  );

  test.each(["PUT", "PATCH", "DELETE"])("%s with If-Match: * is done on whatever is there", async (method) => {
    expect((await write(method, await create(), { "if-match": "*" })).status).toBeLessThan(300);
    expect((await write(method, crypto.randomUUID(), { "if-match": "*" })).status).toBe(404);
  });

  test.each(["PUT", "PATCH", "DELETE"])("%s with If-None-Match is 412 where it names what is there", async (method) => {
    const id = await create();
    const tag = tagIn(await tenant.scim("GET", `/${collection}/${id}`));
    for (const excluded of ["*", tag, `"x", ${tag}`])
      expect([excluded, (await write(method, id, { "if-none-match": excluded })).status]).toEqual([excluded, 412]);
    expect((await write(method, id, { "if-none-match": 'W/"0"' })).status).toBeLessThan(300);
  });

  test("of many writers with one version, one succeeds", async () => {
    const id = await create();
    const tag = tagIn(await tenant.scim("GET", `/${collection}/${id}`));
    const racing = Array.from({ length: 5 }, (_none, index) =>
      tenant.scim(
        "PATCH",
        `/${collection}/${id}`,
        patch({ op: "replace", path: "displayName", value: `${id} ${index}` }),
        { "if-match": tag },
      ),
    );
    const statuses = (await Promise.all(racing)).map(({ status }) => status).toSorted((one, other) => one - other);
    expect(statuses.slice(1)).toEqual([412, 412, 412, 412]);
    expect(statuses[0]).toBeLessThan(300);
  });

  test("a creation has no version to be conditional by: what there must not be twice is unique", async () => {
    const body = bodyOf(`fresh${(made += 1)}`);
    expect(
      (await tenant.scim("POST", `/${collection}`, body, { "if-none-match": "*", "if-match": 'W/"1"' })).status,
    ).toBe(201);
    expect((await tenant.scim("POST", `/${collection}`, body, { "if-none-match": "*" })).status).toBe(409);
  });
});

describe("what a condition holds its sender to", () => {
  test("who read a user with its groups is held to them, and who read it without is not", async () => {
    const id = await createUser();
    const group = await createGroup([id]);
    const whole = tagIn(await tenant.scim("GET", `/Users/${id}`));
    const own = tagIn(await tenant.scim("GET", `/Users/${id}?excludedAttributes=groups`));
    expect(own).not.toBe(whole);
    await tenant.scim("PATCH", `/Groups/${group}`, members("remove", id));
    expect((await tenant.scim("PATCH", `/Users/${id}`, title("a"), { "if-match": whole })).status).toBe(412);
    expect((await tenant.scim("PATCH", `/Users/${id}`, title("a"), { "if-match": own })).status).toBe(200);
  });

  test("the tag of a group's 204 is good for its next write", async () => {
    const [id, ann] = [await createGroup(), await createUser()];
    const first = await tenant.scim("PATCH", `/Groups/${id}`, members("add", ann));
    expect(first.status).toBe(204);
    const second = await tenant.scim("PATCH", `/Groups/${id}`, members("remove", ann), { "if-match": tagIn(first) });
    expect(second.status).toBe(204);
    expect(
      (await tenant.scim("PATCH", `/Groups/${id}`, members("add", ann), { "if-match": tagIn(first) })).status,
    ).toBe(412);
  });
});
