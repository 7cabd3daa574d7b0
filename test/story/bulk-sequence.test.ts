import fc from "fast-check";
import { expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { idIn, sendBulk } from "../harness/bulk.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });
const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

// Few names, so that operations meet: the same person created twice, renamed into another's name,
// removed and brought back, named as a member before and after.
const names = ["ann", "bob", "cid", "dan"];
const teams = ["sales", "support"];
const seeds = ["ann", "eve", "sales"];

/** What somebody is named by: somebody who was there before, or who this Bulk creates at a place. */
type Ref = { readonly seed: number } | { readonly made: number };
type Op =
  | {
      readonly do: "user";
      readonly name: string;
      readonly externalId: string | undefined;
      readonly manager: Ref | undefined;
    }
  | { readonly do: "group"; readonly name: string; readonly members: readonly (Ref | string)[] }
  | { readonly do: "rename"; readonly whom: Ref; readonly name: string }
  | { readonly do: "state"; readonly whom: Ref; readonly active: boolean }
  | { readonly do: "put"; readonly whom: Ref; readonly name: string }
  | { readonly do: "delete"; readonly whom: Ref }
  | { readonly do: "join" | "leave"; readonly group: Ref; readonly member: Ref }
  | { readonly do: "dissolve"; readonly group: Ref };

const someName = fc.constantFrom(...names);
const seedUser: fc.Arbitrary<Ref> = fc.constantFrom({ seed: 0 }, { seed: 1 });
const seedGroup: fc.Arbitrary<Ref> = fc.constant({ seed: 2 });
const made: fc.Arbitrary<Ref> = fc.nat(11).map((at) => ({ made: at }));
const whom = fc.oneof(seedUser, made);
const group = fc.oneof(seedGroup, made);
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("user" as const),
      name: someName,
      externalId: fc.option(fc.constantFrom("x-1", "x-2"), { nil: undefined }),
      manager: fc.option(whom, { nil: undefined }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("group" as const),
      name: fc.constantFrom(...teams),
      members: fc.array(fc.oneof(whom, fc.constantFrom("x-1", "x-2")), { maxLength: 3 }),
    }),
  },
  fc.record({ do: fc.constant("rename" as const), whom, name: someName }),
  fc.record({ do: fc.constant("state" as const), whom, active: fc.boolean() }),
  fc.record({ do: fc.constant("put" as const), whom, name: someName }),
  { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), whom }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("join" as const, "leave" as const), group, member: whom }) },
  fc.record({ do: fc.constant("dissolve" as const), group }),
);

test("a Bulk ends as its operations one after the other, whatever runs beside what", { timeout: 240_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 2, maxLength: 12 }).map(withoutCircles), async (operations) => {
      const [together, inTurn] = [await seeded(), await seeded()];
      const answer = await sendBulk(
        together.tenant,
        operations.map((one, at) => written(one, at, operations, together.ids, (index) => `bulkId:${index}`)),
      );
      const statuses = await oneByOne(inTurn, operations);
      expect(answer.statuses).toEqual(statuses);
      expect(await stateOf(together.tenant)).toEqual(await stateOf(inTurn.tenant));
    }),
    { numRuns: 60 },
  );
});

type Seeded = { readonly tenant: TestTenant; readonly ids: readonly string[] };

async function seeded(): Promise<Seeded> {
  const tenant = await createTenant(house);
  const answer = await sendBulk(
    tenant,
    seeds.map((name) =>
      name === "sales"
        ? { method: "POST", path: "/Groups", data: newGroup(name) }
        : { method: "POST", path: "/Users", data: newUser(name) },
    ),
  );
  return { tenant, ids: answer.outcomes.map(idIn) };
}

/** A creation refers to what was created before it; what refers to each other in a circle has its own promise. */
function withoutCircles(operations: readonly Op[]): readonly Op[] {
  const earlier = (ref: Ref, at: number): boolean => "seed" in ref || ref.made < at;
  return operations.map((one, at) => {
    if (one.do === "user")
      return { ...one, manager: one.manager !== undefined && earlier(one.manager, at) ? one.manager : undefined };
    if (one.do === "group")
      return { ...one, members: one.members.filter((ref) => typeof ref === "string" || earlier(ref, at)) };
    return one;
  });
}

type Request = { readonly method: string; readonly path: string; readonly bulkId?: string; readonly data?: unknown };

function written(
  one: Op,
  at: number,
  operations: readonly Op[],
  ids: readonly string[],
  madeId: (index: number) => string,
): Request {
  const idOf = (ref: Ref): string => ("seed" in ref ? (ids[ref.seed] ?? "") : madeId(ref.made));
  const bulkId = String(at);
  switch (one.do) {
    case "user": {
      const manager = one.manager === undefined ? {} : { [enterprise]: { manager: { value: idOf(one.manager) } } };
      return {
        method: "POST",
        path: "/Users",
        bulkId,
        data: { ...newUser(one.name, manager), externalId: one.externalId },
      };
    }
    case "group":
      return {
        method: "POST",
        path: "/Groups",
        bulkId,
        data: newGroup(
          one.name,
          one.members.map((ref) => (typeof ref === "string" ? ref : idOf(ref))),
        ),
      };
    case "rename":
      return {
        method: "PATCH",
        path: `/Users/${idOf(one.whom)}`,
        data: patch({ op: "replace", value: { userName: `${one.name}@example.test` } }),
      };
    case "state":
      return {
        method: "PATCH",
        path: `/Users/${idOf(one.whom)}`,
        data: patch({ op: "replace", path: "active", value: one.active }),
      };
    case "put":
      return { method: "PUT", path: `/Users/${idOf(one.whom)}`, data: newUser(one.name, { nickName: `put ${at}` }) };
    case "delete":
      return { method: "DELETE", path: `/Users/${idOf(one.whom)}` };
    case "join":
      return {
        method: "PATCH",
        path: `/Groups/${idOf(one.group)}`,
        data: patch({ op: "add", path: "members", value: [{ value: idOf(one.member) }] }),
      };
    case "leave":
      return {
        method: "PATCH",
        path: `/Groups/${idOf(one.group)}`,
        data: patch({ op: "remove", path: `members[value eq "${idOf(one.member)}"]` }),
      };
    case "dissolve":
      return { method: "DELETE", path: `/Groups/${idOf(one.group)}` };
  }
}

/** The same by single requests, one at a time: what is referred to before what refers to it, else as sent. */
async function oneByOne({ tenant, ids }: Seeded, operations: readonly Op[]): Promise<readonly string[]> {
  const statuses: string[] = [];
  const createdIds = new Map<number, string>();
  const isCreation = (at: number): boolean => operations[at]?.do === "user" || operations[at]?.do === "group";
  const begun = new Set<number>();

  async function run(at: number): Promise<void> {
    const one = operations[at];
    if (one === undefined || begun.has(at)) return;
    begun.add(at);
    const needed = refsOf(one).flatMap((ref) => ("made" in ref ? [ref.made] : []));
    for (const other of needed.filter(isCreation).toSorted((left, right) => left - right)) await run(other);
    if (needed.some((other) => !isCreation(other))) statuses[at] = "400";
    else if (needed.some((other) => !createdIds.has(other))) statuses[at] = "409";
    else await send(at, one);
  }
  async function send(at: number, one: Op): Promise<void> {
    const request = written(one, at, operations, ids, (index) => createdIds.get(index) ?? "");
    const answer = await tenant.scim(request.method, request.path, request.data);
    statuses[at] = String(answer.status);
    if (isCreation(at) && answer.status === 201) createdIds.set(at, answer.body["id"] as string);
  }
  for (const at of operations.keys()) await run(at);
  return statuses;
}

function refsOf(one: Op): readonly Ref[] {
  const refs = Object.values(one).flatMap((value: unknown) => (Array.isArray(value) ? (value as unknown[]) : [value]));
  return refs.filter((ref): ref is Ref => typeof ref === "object" && ref !== null);
}

/** Everything a provider can see, and what is kept of those who left, with names in place of ids. */
async function stateOf({ id }: TestTenant): Promise<unknown> {
  const rows = await house.database.once<{ state: string }>(
    id,
    sql`WITH named AS (
        SELECT id, user_name_key || ' ' || coalesce(external_id, '-') || ' ' || (deleted_at IS NOT NULL) AS name FROM directory_user
        UNION ALL SELECT id, display_name_key || ' ' || (deleted_at IS NOT NULL) FROM directory_group
      )
      SELECT 'user ' || named.name || ' ' || usr.active || ' v' || usr.version || ' ' || coalesce(usr.attributes ->> 'nickName', '-') || ' manager ' || coalesce(boss.name, '-') AS state
      FROM directory_user AS usr JOIN named ON named.id = usr.id
      LEFT JOIN named AS boss ON boss.id::text = usr.attributes -> ${enterprise} -> 'manager' ->> 'value'
      UNION ALL SELECT 'group ' || name FROM directory_group JOIN named USING (id)
      UNION ALL SELECT 'edge ' || grp.name || ' > ' || coalesce(member.name, 'parked ' || coalesce(parked.name, edge.member))
      FROM directory_member AS edge JOIN named AS grp ON grp.id = edge.group_id LEFT JOIN named AS member ON member.id = edge.member_id
      LEFT JOIN named AS parked ON parked.id::text = edge.member
      ORDER BY 1`,
  );
  return rows.map(({ state }) => state);
}
