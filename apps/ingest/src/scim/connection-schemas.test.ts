import type { ExtensionSchema, SchemaDefinition } from "@rollcall/core/domain";
import { expect, test } from "vitest";
import { createConnectionSchemas } from "./connection-schemas.ts";
import { resolve, standardSchemas } from "./schema.ts";

const acme = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

function definitionOf(id: string, ...names: readonly string[]): SchemaDefinition {
  const plain = {
    multiValued: false,
    description: "",
    required: false,
    mutability: "readWrite",
    returned: "default",
  } as const;
  return { id, name: id, description: "", attributes: names.map((name) => ({ name, type: "string", ...plain })) };
}

const forUsers = (definition: SchemaDefinition): ExtensionSchema => ({
  resourceType: "User",
  canonicalValuesOnly: false,
  definition,
});

const connection = (id: string, schemasVersion: number) => ({ id, tenantId: "t-1", schemasVersion });

test("a connection without schemas of its own has the standard ones, and nothing is read", async () => {
  const schemasOf = createConnectionSchemas(() => Promise.reject(new Error("was read")));
  expect(await schemasOf(connection("c-1", 0))).toBe(standardSchemas);
});

test("schemas are worked out once for a version, and again for the next", async () => {
  const names = ["badge"];
  let read = 0;
  const schemasOf = createConnectionSchemas(() => {
    read += 1;
    return Promise.resolve([forUsers(definitionOf(acme, ...names))]);
  });
  const [first, again] = await Promise.all([schemasOf(connection("c-1", 1)), schemasOf(connection("c-1", 1))]);
  expect(again).toBe(first);
  expect(read).toBe(1);
  names.push("locker");
  expect(resolve((await schemasOf(connection("c-1", 1))).user, `${acme}:locker`)).toBeUndefined();
  const second = await schemasOf(connection("c-1", 2));
  expect(resolve(second.user, `${acme}:locker`)?.attribute?.name).toBe("locker");
  expect([second.version, read]).toEqual([2, 2]);
});

test("a schema is of users or of groups, and of one connection", async () => {
  const forGroups: ExtensionSchema = { ...forUsers(definitionOf("urn:acme:Group", "owner")), resourceType: "Group" };
  const schemasOf = createConnectionSchemas((_tenantId, id) =>
    Promise.resolve(id === "c-1" ? [forUsers(definitionOf(acme, "badge")), forGroups] : []),
  );
  const one = await schemasOf(connection("c-1", 1));
  const other = await schemasOf(connection("c-2", 1));
  expect(one.user.extensions.map(({ urn }) => urn)).toEqual([standardSchemas.user.extensions[0]?.urn, acme]);
  expect(one.group.extensions.map(({ urn }) => urn)).toEqual(["urn:acme:Group"]);
  expect(other.user.extensions.map(({ urn }) => urn)).toEqual([standardSchemas.user.extensions[0]?.urn]);
  expect(other.extensions).toEqual([]);
});

test("an outage is not remembered", async () => {
  let isAway = true;
  const schemasOf = createConnectionSchemas(() => (isAway ? Promise.reject(new Error("away")) : Promise.resolve([])));
  await expect(schemasOf(connection("c-1", 1))).rejects.toThrow("away");
  isAway = false;
  expect((await schemasOf(connection("c-1", 1))).version).toBe(1);
});

test("however many connections there are, only so many are remembered, and the latest are", async () => {
  const read: string[] = [];
  const schemasOf = createConnectionSchemas((_tenantId, id) => {
    read.push(id);
    return Promise.resolve([]);
  });
  for (let id = 0; id < 200; id += 1) await schemasOf(connection(`c-${id}`, 1));
  await schemasOf(connection("c-0", 1));
  await schemasOf(connection("c-200", 1));
  read.length = 0;
  await schemasOf(connection("c-0", 1));
  await schemasOf(connection("c-1", 1));
  expect(read).toEqual(["c-1"]);
});
