import { isDeepStrictEqual } from "node:util";
import { sql } from "@rollcall/core/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, type ScimAnswer } from "../harness/tenant.ts";
import { enterprise, spelling, user, userPatch, userShape, written } from "./patch-arbitrary.ts";
import { asRollcallDoes, interpret, type Json, type Operation, Refused, type Resource } from "./patch-interpreter.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
const rules = { shape: userShape, tolerances: asRollcallDoes };
let runs = 0;

type Held = { readonly id: string; readonly attributes: Resource; readonly version: number; readonly events: number };

test("any PATCH of any user leaves what RFC 7644 §3.5.2 says, or is refused and leaves everything", async () => {
  await fc.assert(
    fc.asyncProperty(user, userPatch, spelling, async (resource, operations, spelled) => {
      const own = ownNames();
      const before = await created(own(resource));
      expect(before.attributes).toEqual(own(resource));
      const meant = operations.map(own);
      const answer = await patchBy(
        before.id,
        meant.map((operation) => written(operation, spelled)),
      );
      const after = await heldBy(before.id);
      const expected = outcome(before.attributes, meant);
      if (expected instanceof Refused) {
        expect([answer.status, after]).toEqual([400, before]);
        if (meant.length === 1) expect(answer.body["scimType"]).toBe(expected.scimType);
        return;
      }
      const isChange = !isDeepStrictEqual(expected, before.attributes);
      expect([answer.status, after]).toEqual([200, { ...before, attributes: expected, ...counted(before, isChange) }]);
      expect(shown(answer.body)).toEqual(expected);
    }),
    { numRuns: 300 },
  );
});

test("a PATCH that is sent twice counts as often as it changes something", async () => {
  await fc.assert(
    fc.asyncProperty(user, userPatch, async (resource, operations) => {
      const own = ownNames();
      const { id } = await created(own(resource));
      const meant = operations.map(own);
      const body = meant.map((operation) => written(operation, { entra: false, shouting: false }));
      await patchBy(id, body);
      const once = await heldBy(id);
      await patchBy(id, body);
      const again = outcome(once.attributes, meant);
      const isChange = !(again instanceof Refused) && !isDeepStrictEqual(again, once.attributes);
      const attributes = again instanceof Refused ? once.attributes : again;
      expect(await heldBy(id)).toEqual({ ...once, attributes, ...counted(once, isChange) });
    }),
    { numRuns: 100 },
  );
});

const impossible: readonly Resource[] = [
  { op: "replace", path: "shoeSize", value: "44" },
  { op: "add", path: "emails.shoeSize", value: "44" },
  { op: "replace", path: 'emails[type eq "work"', value: "x" },
  { op: "replace", path: 'emails[shoeSize eq "44"].value', value: "x" },
  { op: "replace", path: "groups", value: [] },
  { op: "replace", path: "id", value: "other" },
  { op: "replace", path: "meta.created", value: "2026-01-01T00:00:00Z" },
  { op: "replace", path: "displayName", value: 7 },
  { op: "add", path: "emails", value: "ann@ex.test" },
  { op: "add", path: "emails", value: [{ value: "a", primary: "yes" }] },
  { op: "replace", path: "active", value: "perhaps" },
  { op: "remove", path: "userName" },
  { op: "remove", path: "active" },
  { op: "remove" },
  { op: "move", path: "displayName" },
  { op: "add", path: "displayName" },
  { op: "replace", value: { displayName: "Bo", shoeSize: "44" } },
];

test("a PATCH with one operation that cannot be done changes nothing at all", async () => {
  const change = { op: "replace", value: { displayName: "changed", active: false } };
  await fc.assert(
    fc.asyncProperty(
      user,
      userPatch,
      fc.constantFrom(...impossible),
      fc.nat(4),
      async (resource, others, wrong, at) => {
        const own = ownNames();
        const before = await created(own(resource));
        const body = [change, ...others.map((other) => written(own(other), { entra: false, shouting: false }))];
        const answer = await patchBy(before.id, body.toSpliced(at, 0, wrong));
        expect(answer.status).toBe(400);
        expect(await heldBy(before.id)).toEqual(before);
      },
    ),
    { numRuns: 100 },
  );
});

/** Gives one run names that no other run has, so that none is refused for being taken. */
function ownNames(): <Value>(value: Value) => Value {
  const run = `-${(runs += 1)}`;
  return (value) => JSON.parse(JSON.stringify(value).replaceAll("{run}", run)) as typeof value;
}

function outcome(resource: Resource, operations: readonly Operation[]): Resource | Refused {
  try {
    return interpret(rules, resource, operations);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
}

function counted(before: Held, isChange: boolean): Pick<Held, "version" | "events"> {
  return isChange ? { version: before.version + 1, events: before.events + 1 } : before;
}

async function created(resource: Resource): Promise<Held> {
  const { status, body } = await tenant.scim("POST", "/Users", resource);
  expect([status, body["detail"]]).toEqual([201, undefined]);
  return heldBy(body["id"] as string);
}

async function patchBy(id: string, operations: readonly Json[]): Promise<ScimAnswer> {
  return tenant.scim("PATCH", `/Users/${id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: operations,
  });
}

async function heldBy(id: string): Promise<Held> {
  const { body } = await tenant.scim("GET", `/Users/${id}`);
  const [row] = await house.database.once<{ version: number; events: number }>(
    tenant.id,
    sql`SELECT version, (SELECT count(*) FROM lifecycle_event WHERE subject_id = ${id}) AS events FROM directory_user WHERE id = ${id}`,
  );
  return { id, attributes: shown(body), version: row?.version ?? 0, events: row?.events ?? 0 };
}

/** What is shown, without what the server adds; `schemas` lists the extensions that are there, and no others. */
function shown(body: ScimAnswer["body"]): Resource {
  const { id: _id, meta: _meta, schemas, ...attributes } = body;
  const extensions = attributes[enterprise] === undefined ? [] : [enterprise];
  expect(schemas).toEqual(["urn:ietf:params:scim:schemas:core:2.0:User", ...extensions]);
  return attributes as Resource;
}
