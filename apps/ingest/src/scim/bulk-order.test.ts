import type { JsonObject } from "@rollcall/core/domain";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { orderUnits, precedents, type Unit } from "./bulk-order.ts";
import { type BulkOperation, readBulkRequest } from "./bulk-request.ts";
import { runUnits } from "./bulk-run.ts";
import { touchesOf } from "./bulk-touches.ts";

const uuid = (nth: number): string => `0190a1b2-0000-7000-8000-${String(nth).padStart(12, "0")}`;

type Sent = JsonObject;

/** Operations as a Bulk brings them; what is null cannot be read. */
function read(...sent: readonly (Sent | null)[]): readonly (BulkOperation | undefined)[] {
  return readBulkRequest({ Operations: sent }).operations.map((one) => ("refusal" in one ? undefined : one));
}

function creation(bulkId: string, ...refersTo: readonly string[]): Sent {
  const members = refersTo.map((other) => ({ value: `bulkId:${other}` }));
  return { method: "POST", path: "/Groups", bulkId, data: { displayName: bulkId, members } };
}

function user(userName: string, more: JsonObject = {}): Sent {
  return { method: "POST", path: "/Users", data: { userName, ...more } };
}

function change(id: string, data: JsonObject = { Operations: [] }, type = "Users"): Sent {
  return { method: "PATCH", path: `/${type}/${id}`, data };
}

const removal = (id: string): Sent => ({ method: "DELETE", path: `/Users/${id}` });
const units = (...sent: readonly Sent[]): readonly Unit[] => orderUnits(read(...sent));
const membersOf = (ordered: readonly Unit[]) => ordered.map(({ members }) => members);

describe("order", () => {
  test("is as sent where nothing refers to what comes later", () => {
    const ordered = units(creation("a"), creation("b", "a"), change("bulkId:b"), change(uuid(1)));
    expect(membersOf(ordered)).toEqual([[0], [1], [2], [3]]);
    expect(ordered.some(({ isCircle }) => isCircle)).toBe(false);
  });

  test("puts what is referred to before what refers to it", () => {
    const ordered = units(creation("a", "c"), change("bulkId:c"), creation("c", "d"), creation("d"));
    expect(membersOf(ordered)).toEqual([[3], [2], [0], [1]]);
  });

  test("makes one of those that refer to each other, and of one that refers to itself", () => {
    expect(units(creation("a", "b"), creation("x"), creation("b", "a", "c"), creation("c"))).toEqual([
      { members: [3], isCircle: false },
      { members: [0, 2], isCircle: true },
      { members: [1], isCircle: false },
    ]);
    expect(units(creation("a", "a"))).toEqual([{ members: [0], isCircle: true }]);
  });

  test("holds a chain of a thousand, forwards and backwards", () => {
    const chain = Array.from({ length: 1000 }, (_, nth) => creation(`n${nth}`, `n${nth + 1}`));
    expect(membersOf(units(...chain)).flat()).toEqual(Array.from({ length: 1000 }, (_, nth) => 999 - nth));
    expect(membersOf(units(...chain.toReversed())).flat()).toEqual(Array.from({ length: 1000 }, (_, nth) => nth));
  });
});

describe("what must be over before an operation begins", () => {
  const names = new Map([[uuid(1), ["ann@example.test", "ext-1"]]]);
  const before = (...sent: readonly (Sent | null)[]) => {
    const operations = read(...sent);
    const touches = touchesOf(operations, (id) => names.get(id) ?? []);
    return precedents(orderUnits(operations), touches).map((set) => [...set]);
  };

  test("nothing, where people are created who share nothing", () => {
    expect(before(user("a", { locale: "en" }), user("b", { locale: "en" }), null, user("c"))).toEqual([[], [], [], []]);
  });

  test("the one before on the same resource", () => {
    expect(before(change(uuid(1)), change(uuid(2)), change(uuid(1)), change(uuid(1)))).toEqual([[], [], [0], [2]]);
    expect(before(creation("a"), change("bulkId:a", undefined, "Groups"), creation("b"))).toEqual([[], [0], []]);
  });

  test("whoever has, had or is given the same name, however it is spelled", () => {
    expect(before(user("Ann@Example.test"), user("b"), user("ann@example.TEST"))).toEqual([[], [], [0]]);
    expect(before(removal(uuid(1)), user("ann@example.test"))).toEqual([[], [0]]);
    const rename = { Operations: [{ op: "replace", value: { userName: "bob" } }] };
    expect(before(change(uuid(2), rename), user("bob"), user("cid"))).toEqual([[], [0], []]);
  });

  test("the member that a group names, by id, by externalId or in a filter, and the group before its member goes", () => {
    const group = { ...creation("g"), data: { displayName: "g", members: [{ value: uuid(1) }] } };
    expect(before(change(uuid(1)), group, change(uuid(1)))).toEqual([[], [0], [0, 1]]);
    const byName = { ...group, data: { displayName: "g", members: ["ext-9"] } };
    expect(before(byName, user("x", { externalId: "ext-9" }))).toEqual([[], [0]]);
    const leave = { Operations: [{ op: "remove", path: `members[value eq "${uuid(1)}"]` }] };
    expect(before(change(uuid(5), leave, "Groups"), change(uuid(1)))).toEqual([[], [0]]);
  });

  test("everything on a type of which nobody here knows what is unique", () => {
    const device = { method: "POST", path: "/Devices", data: { serial: "1" } };
    expect(before(device, user("y"), device)).toEqual([[], [], [0]]);
  });
});

describe("the run", () => {
  const unit = (at: number): Unit => ({ members: [at], isCircle: false });
  const scenario = fc.record({
    edges: fc.array(fc.tuple(fc.nat(19), fc.nat(19)), { maxLength: 30 }),
    failing: fc.uniqueArray(fc.nat(19)),
    delays: fc.array(fc.nat(3), { minLength: 20, maxLength: 20 }),
    errorsMax: fc.option(fc.integer({ min: 1, max: 6 }), { nil: undefined }),
    concurrency: fc.integer({ min: 1, max: 8 }),
  });

  test("does what would be done in turn, at any limit of errors, and nothing before its time", async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ edges, failing, delays, errorsMax, concurrency }) => {
        const all = delays.map((_, at) => unit(at));
        const before = all.map(
          (_, at) => new Set(edges.filter(([, to]) => to === at).flatMap(([from]) => (from < at ? [from] : []))),
        );
        const done: number[] = [];
        let underWay = 0;
        await runUnits(all, before, { concurrency, errorsMax }, async ({ members: [at = 0] }) => {
          underWay += 1;
          expect(underWay).toBeLessThanOrEqual(concurrency);
          expect([...(before[at] ?? [])].filter((earlier) => !done.includes(earlier))).toEqual([]);
          for (let turn = 0; turn < (delays[at] ?? 0); turn += 1) await Promise.resolve();
          done.push(at);
          underWay -= 1;
          return failing.includes(at) ? 1 : 0;
        });
        const limit = failing.toSorted((left, right) => left - right)[(errorsMax ?? 99) - 1] ?? 19;
        expect(done.toSorted((left, right) => left - right)).toEqual(all.flatMap((_, at) => (at <= limit ? [at] : [])));
      }),
    );
  });

  test("keeps as many under way as it may", async () => {
    let underWay = 0;
    let most = 0;
    await runUnits(
      Array.from({ length: 50 }, (_, at) => unit(at)),
      [],
      { concurrency: 8, errorsMax: undefined },
      async () => {
        most = Math.max(most, (underWay += 1));
        await new Promise((resolve) => setImmediate(resolve));
        underWay -= 1;
        return 0;
      },
    );
    expect(most).toBe(8);
  });
});
