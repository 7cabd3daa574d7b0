import fc from "fast-check";
import { expect } from "vitest";
import type { House } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { kindOf, resource, type SchemaDocument } from "./filter-arbitrary.ts";
import type { Kind, Resource } from "./filter-interpreter.ts";

export type Held = { readonly kind: Kind; readonly resource: Resource };
/** What can be searched at one path. */
export type Endpoint = { readonly path: string; readonly kinds: readonly Kind[]; readonly held: readonly Held[] };
/** A directory of random resources, as it shows them. */
export type Directory = { readonly tenant: TestTenant; readonly endpoints: readonly Endpoint[] };

const cores = {
  User: "urn:ietf:params:scim:schemas:core:2.0:User",
  Group: "urn:ietf:params:scim:schemas:core:2.0:Group",
};
const displayNames = ["ann", "Ann", "Ärger", "z", "a\u0301"];
const prefixes = ["ann", "Bob", "ÉCLAIR", "σίσυφος", "z"];

/** A tenant whose resources were drawn from a seed, with an extension of every type. */
export async function openRandomDirectory(house: House, seed: number): Promise<Directory> {
  const tenant = await createTenant(house);
  await addExtension(house, tenant);
  const { body } = await tenant.scim("GET", "/Schemas");
  const documents = body["Resources"] as readonly (SchemaDocument & Resource)[];
  const own = (prefix: string, core: string) =>
    documents.filter(
      ({ id }) => id.startsWith(prefix) && id.endsWith(core.slice(core.lastIndexOf(":"))) && id !== core,
    );
  const kindFor = (core: string) => {
    const document = documents.find(({ id }) => id === core);
    if (document === undefined) throw new Error(`no schema ${core}`);
    const extensions = own("urn:", core).filter(({ id }) => id.includes("extension"));
    return { document, extensions, kind: kindOf(document, extensions) };
  };
  const [user, group] = [kindFor(cores.User), kindFor(cores.Group)];
  const users = fc.sample(resource(user.document, user.extensions), { numRuns: 14, seed });
  const groups = fc.sample(resource(group.document, group.extensions), { numRuns: 6, seed });
  const made: string[] = [];
  for (const [at, one] of users.entries()) {
    made.push(
      await create(tenant, "/Users", {
        ...one,
        ...named(at, "userName"),
        ...(at % 3 === 0 ? {} : { displayName: displayNames[at % 5] }),
      }),
    );
  }
  for (const [at, one] of groups.entries()) {
    const members = made.filter((_, index) => (index * 7 + at * seed) % 4 === 0).map((value) => ({ value }));
    const parked = at === 2 ? [{ value: "nobody yet" }] : [];
    made.push(
      await create(tenant, "/Groups", { ...one, ...named(at, "displayName"), members: [...members, ...parked] }),
    );
  }
  const all = async (path: string, kind: Kind): Promise<readonly Held[]> => {
    const { body: list } = await tenant.scim("GET", `${path}?count=200`);
    return (list["Resources"] as readonly Resource[]).map((one) => ({ kind, resource: one }));
  };
  const [heldUsers, heldGroups] = [await all("/Users", user.kind), await all("/Groups", group.kind)];
  return {
    tenant,
    endpoints: [
      { path: "/Users", kinds: [user.kind], held: heldUsers },
      { path: "/Groups", kinds: [group.kind], held: heldGroups },
      { path: "", kinds: [user.kind, group.kind], held: [...heldUsers, ...heldGroups] },
    ],
  };
}

/** Unique by its number, and some more than by case. */
function named(at: number, attribute: string): Resource {
  const external = at % 3 === 1 ? {} : { externalId: `${at % 2 === 0 ? "ext" : "EXT"}-${at}` };
  return { ...external, [attribute]: `${prefixes[at % prefixes.length]}${at}` };
}

async function create(tenant: TestTenant, path: string, body: Resource): Promise<string> {
  const answer = await tenant.scim("POST", path, body);
  expect([answer.status, body, answer.body["detail"]]).toEqual([201, body, undefined]);
  return answer.body["id"] as string;
}

async function addExtension(house: House, tenant: TestTenant): Promise<void> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "test" });
  const types = ["string", "boolean", "decimal", "integer", "dateTime", "binary", "reference"];
  const plain = types.map((type) => ({ name: `${type}One`, type }));
  const many = types
    .filter((type) => type !== "boolean")
    .map((type) => ({ name: `${type}Many`, type, multiValued: true }));
  const exact = { name: "exactOne", type: "string", caseExact: true };
  const parts = [...plain, exact];
  const complex = [
    { name: "complexOne", type: "complex", subAttributes: parts },
    {
      name: "complexMany",
      type: "complex",
      multiValued: true,
      subAttributes: [...parts, { name: "value", type: "integer" }, { name: "primary", type: "boolean" }],
    },
  ];
  for (const resourceType of ["User", "Group"]) {
    const schema = {
      id: `urn:ietf:params:scim:schemas:extension:acme:2.0:${resourceType}`,
      name: "Acme",
      description: "Every type there is",
      attributes: [...plain, ...many, exact, ...complex],
    };
    const answer = await fetch(`${house.url}/v1/admin/tenants/${tenant.slug}/connections/idp/schemas`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ resourceType, schema }),
    });
    expect([answer.status, await answer.text()]).toEqual([201, expect.any(String)]);
  }
}

export function idOf({ resource: one }: { readonly resource: Resource }): string {
  return one["id"] as string;
}
