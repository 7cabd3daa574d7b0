import { expect } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, patch, type ScimAnswer } from "../harness/tenant.ts";

type Attributes = { readonly [name: string]: unknown };

export const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
export const babsId = "2819c223-7f76-453a-919d-413861904646";

/** A directory that holds the people of the RFC's examples, whom its ids name as external ids. */
export async function openRfcDirectory() {
  const house = await openHouse({ without: ["worker", "publisher"] });
  const tenant = await createTenant(house);
  let made = 0;

  const create = async (collection: string, attributes: Attributes): Promise<string> => {
    const { status, body } = await tenant.scim("POST", collection, attributes);
    expect([status, body["detail"]]).toEqual([201, undefined]);
    return body["id"] as string;
  };
  /** The attributes that a provider wrote, and what the server says of the resource in `meta`. */
  const read = async (location: string): Promise<Attributes & { readonly meta: Attributes }> => {
    const { status, body } = await tenant.scim("GET", location);
    expect(status).toBe(200);
    return body as Attributes & { readonly meta: Attributes };
  };
  return {
    tenant,
    /** Creates a user named anew, and answers its location. */
    createUser: async (attributes: Attributes = {}): Promise<string> =>
      `/Users/${await create("/Users", { userName: `bjensen${(made += 1)}@example.com`, active: true, ...attributes })}`,
    /** Creates a group named anew with members by value, and answers its location. */
    createGroup: async (members: readonly string[] = [], attributes: Attributes = {}): Promise<string> => {
      const named = { displayName: `Tour Guides ${(made += 1)}`, ...attributes };
      return `/Groups/${await create("/Groups", { ...named, members: members.map((value) => ({ value })) })}`;
    },
    read,
    membersOf: async (location: string): Promise<readonly unknown[]> => {
      const shown = ((await read(location))["members"] ?? []) as readonly { readonly value: string }[];
      return shown.map(({ value }) => value);
    },
    patch: (location: string, ...operations: readonly Attributes[]): Promise<ScimAnswer> =>
      tenant.scim("PATCH", location, patch(...operations)),
    /** Sends operations that must be done. */
    done: async (location: string, ...operations: readonly Attributes[]): Promise<void> => {
      const { status, body } = await tenant.scim("PATCH", location, patch(...operations));
      expect([status, body["detail"]]).toEqual([location.startsWith("/Groups") ? 204 : 200, undefined]);
    },
    /** Sends operations that must be expectRefusal, with 400 and this scimType, and change nothing. */
    expectRefusal: async (location: string, scimType: string, ...operations: readonly Attributes[]): Promise<void> => {
      const before = await read(location);
      const { status, body } = await tenant.scim("PATCH", location, patch(...operations));
      expect([operations, status, body["scimType"]]).toEqual([operations, 400, scimType]);
      expect(await read(location)).toEqual(before);
    },
  };
}
