import type { BulkOperation } from "./bulk-request.ts";
import type { Touches } from "./bulk-touches.ts";

/** Operations, by their place in the list, that are done as one: almost always one alone, several where they refer to each other in a circle. */
export type Unit = { readonly members: readonly number[]; readonly isCircle: boolean };

/**
 * The order of work: as sent, but what is referred to before what refers to it (RFC 7644 §3.7.2).
 * Operations that refer to each other in a circle (§3.7.1), or to themselves, are one unit. Of
 * what is undefined nothing can be tried, but it has its place.
 */
export function orderUnits(operations: readonly (BulkOperation | undefined)[]): readonly Unit[] {
  const makers = new Map<string, number>();
  operations.forEach((operation, at) => {
    if (operation?.method === "POST" && operation.bulkId !== undefined) makers.set(operation.bulkId, at);
  });
  const needed = operations.map((operation) =>
    [...(operation?.refersTo ?? [])]
      .flatMap((bulkId) => makers.get(bulkId) ?? [])
      .toSorted((left, right) => left - right),
  );
  return components(needed).map((members) => ({
    members: members.toSorted((left, right) => left - right),
    isCircle: members.length > 1 || members.some((at) => needed[at]?.includes(at)),
  }));
}

/**
 * For each unit the earlier ones that must be over before it begins: those that change what it
 * relies on or changes too, and those that rely on what it changes. All others may run beside it.
 */
export function precedents(units: readonly Unit[], touches: readonly Touches[]): readonly ReadonlySet<number>[] {
  const lastChange = new Map<string, number>();
  const reliantSince = new Map<string, number[]>();
  return units.map(({ members }, unit) => {
    const before = new Set<number>();
    const own = members.flatMap((at) => touches[at] ?? []);
    const changes = union(own.map((touch) => touch.changes));
    for (const key of changes) {
      add(before, lastChange.get(key));
      for (const reliant of reliantSince.get(key) ?? []) before.add(reliant);
    }
    for (const key of union(own.map((touch) => touch.reliesOn))) {
      if (changes.has(key)) continue;
      add(before, lastChange.get(key));
      const reliant = reliantSince.get(key);
      if (reliant === undefined) reliantSince.set(key, [unit]);
      else reliant.push(unit);
    }
    for (const key of changes) {
      lastChange.set(key, unit);
      reliantSince.delete(key);
    }
    return before;
  });
}

/** Tarjan's strongly connected components: each after all that it needs, and the first in the list first where it is free. */
function components(needed: readonly (readonly number[])[]): readonly (readonly number[])[] {
  const found: number[][] = [];
  const index: (number | undefined)[] = needed.map(() => undefined);
  const low: number[] = needed.map(() => 0);
  const stack: number[] = [];
  const onStack = new Set<number>();
  let next = 0;

  function visit(at: number): void {
    index[at] = next;
    low[at] = next;
    next += 1;
    stack.push(at);
    onStack.add(at);
    for (const other of needed[at] ?? []) {
      if (index[other] === undefined) {
        visit(other);
        low[at] = Math.min(low[at] ?? 0, low[other] ?? 0);
      } else if (onStack.has(other)) {
        low[at] = Math.min(low[at] ?? 0, index[other]);
      }
    }
    if (low[at] !== index[at]) return;
    const component = stack.splice(stack.lastIndexOf(at));
    for (const member of component) onStack.delete(member);
    found.push(component);
  }

  for (let at = 0; at < needed.length; at += 1) if (index[at] === undefined) visit(at);
  return found;
}

function union(sets: readonly ReadonlySet<string>[]): ReadonlySet<string> {
  const [only, ...others] = sets;
  return only !== undefined && others.length === 0 ? only : new Set(sets.flatMap((set) => [...set]));
}

function add(set: Set<number>, value: number | undefined): void {
  if (value !== undefined) set.add(value);
}
