import { sql } from "@rollcall/core/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, patch } from "../harness/tenant.ts";
import { interpretGroup, type GroupOperation, type Roll } from "./group-interpreter.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const tenant = await createTenant(house);
let runs = 0;
let heard = 0;

/** Whom a member value may name: a user or a group by id, a user by externalId, or nobody yet. */
const people: readonly string[] = await Promise.all(
  ["ann", "bob", "cy"].map(async (name) => idOf(await tenant.scim("POST", "/Users", newUser(name)))),
);
const nested = idOf(await tenant.scim("POST", "/Groups", { displayName: "nested", externalId: "nested-1" }));
const known = [...people, nested];
const named = new Map([
  ...["ann", "bob", "cy"].map((name, at) => [name, people[at] ?? ""] as const),
  ["nested-1", nested],
]);
const member = fc.constantFrom(...people, nested, "ann", "bob", "nested-1", "ghost", "Ghost", "someone-later");
const members = fc.uniqueArray(member, { maxLength: 4 });

const naming = fc.constantFrom("Sales {run}", "sales {run}", "Support {run}");
const operation: fc.Arbitrary<GroupOperation> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constantFrom("add", "replace"), members }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("remove" as const), members }) },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant("remove" as const),
      selected: fc.uniqueArray(member, { minLength: 1, maxLength: 3 }),
    }),
  },
  fc.record({
    op: fc.constant("replace" as const),
    selected: fc.uniqueArray(member, { minLength: 1, maxLength: 2 }),
    members,
  }),
  fc.record({ op: fc.constantFrom("add", "replace"), displayName: fc.oneof(naming, fc.constant(null)) }),
  fc.record({ op: fc.constantFrom("add", "replace"), externalId: fc.constantFrom("g{run}", "h{run}", null) }),
  fc.record({ op: fc.constant("remove" as const), attribute: fc.constantFrom("externalId", "displayName", "members") }),
  fc.record({ op: fc.constantFrom("add", "replace"), displayName: naming, members }, { requiredKeys: ["op"] }),
);

type Held = {
  readonly roll: Roll;
  readonly version: number;
  /** Events since the last look. */ readonly news: readonly string[];
};

test("any PATCH of any group leaves what RFC 7644 §3.5.2 says, and tells of nobody whose membership is as it was", async () => {
  await fc.assert(
    fc.asyncProperty(
      members,
      fc.array(operation, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (first, written, shouting) => {
        const run = String((runs += 1));
        const own = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value).replaceAll("{run}", run)) as Value;
        const created = await tenant.scim("POST", "/Groups", {
          ...own({ displayName: "Sales {run}", externalId: "g{run}" }),
          members: first.map((value) => ({ value })),
        });
        expect(created.status).toBe(201);
        const id = idOf(created);
        const before = await heldBy(id);
        const operations = own(written);
        const answer = await tenant.scim(
          "PATCH",
          `/Groups/${id}`,
          patch(...operations.map((one) => wireOf(one, shouting))),
        );
        const after = await heldBy(id);
        const expected = interpretGroup(before.roll, operations, named);
        if (expected === undefined) {
          expect([answer.status, after]).toEqual([400, { ...before, news: [] }]);
          return;
        }
        const { roll } = expected;
        const isChange = JSON.stringify(roll) !== JSON.stringify(before.roll);
        expect([answer.status, after.roll]).toEqual([204, roll]);
        expect(after.version).toBe(isChange ? before.version + 1 : before.version);
        // Of who is nobody yet there is nothing to tell.
        const told = expected.told.filter((event) => known.some((id) => event.endsWith(id)));
        const renamed = roll.displayName !== before.roll.displayName || roll.externalId !== before.roll.externalId;
        expect(after.news.toSorted()).toEqual([...told, ...(renamed ? [`group.updated ${id}`] : [])].toSorted());
      },
    ),
    { numRuns: 250 },
  );
});

/** The operation as a provider writes it: members as an array, or selected by a filter, as Entra and Okta do. */
function wireOf(written: GroupOperation, shouting: boolean): Record<string, unknown> {
  const op = shouting ? written.op.toUpperCase() : written.op;
  const listed = written.members?.map((value, at) =>
    at % 2 === 0 ? { $ref: null, value } : { value, display: "stale" },
  );
  if (written.attribute !== undefined) return { op, path: written.attribute };
  if (written.selected !== undefined) {
    const path = `members[${written.selected.map((value) => `value eq ${JSON.stringify(value)}`).join(" or ")}]`;
    return { op, path, ...(listed === undefined ? {} : { value: listed }) };
  }
  const { displayName, externalId } = written;
  if (displayName !== undefined && listed !== undefined) return { op, value: { displayName, members: listed } };
  if (displayName !== undefined) return { op, path: shouting ? "DISPLAYNAME" : "displayName", value: displayName };
  if (externalId !== undefined) return { op, path: "externalId", value: externalId };
  return listed === undefined ? { op, value: {} } : { op, path: shouting ? "MEMBERS" : "members", value: listed };
}

async function heldBy(id: string): Promise<Held> {
  const { body } = await tenant.scim("GET", `/Groups/${id}`);
  const shown = (body["members"] ?? []) as readonly { readonly value: string }[];
  const rows = await house.database.once<{ id: number; told: string }>(
    tenant.id,
    sql`SELECT id, kind || ' ' || subject_id AS told FROM lifecycle_event WHERE tenant_id = ${tenant.id} AND id > ${heard} ORDER BY id`,
  );
  heard = rows.at(-1)?.id ?? heard;
  const [row] = await house.database.once<{ version: number }>(
    tenant.id,
    sql`SELECT version FROM directory_group WHERE id = ${id}`,
  );
  return {
    roll: {
      displayName: body["displayName"] as string,
      externalId: body["externalId"] as string | undefined,
      members: shown.map(({ value }) => value).toSorted(),
    },
    version: row?.version ?? 0,
    news: rows.map(({ told }) => told),
  };
}

function idOf({ body }: { readonly body: Record<string, unknown> }): string {
  return body["id"] as string;
}
