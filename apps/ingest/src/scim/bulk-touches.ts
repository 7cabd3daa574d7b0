import { foldCase, isId, isObject, type Json } from "@rollcall/core/domain";
import { readReference } from "./bulk-references.ts";
import type { BulkOperation } from "./bulk-request.ts";
import { isArray } from "./same-json.ts";

/**
 * What one operation changes and what it relies on, as keys that two operations of one Bulk have in
 * common where their order can be seen. Too many keys cost time; one too few would let the outcome
 * depend on chance.
 */
export type Touches = { readonly changes: ReadonlySet<string>; readonly reliesOn: ReadonlySet<string> };

/** The names that a resource is known by, by its id. */
export type NamesOf = (id: string) => readonly string[];

// Whatever is created, renamed or removed takes these or gives them back.
const uniqueIn = new Map([
  ["users", ["username", "externalid"]],
  ["groups", ["displayname", "externalid"]],
]);
const quoted = /"((?:[^"\\]|\\.)*)"/g;

/** The keys of every operation; undefined is one that nothing can be tried of. A resource's names are all that it has or is given in this Bulk: which it has when, is known only then. */
export function touchesOf(operations: readonly (BulkOperation | undefined)[], namesOf: NamesOf): readonly Touches[] {
  const claimed = new Map<string, string[]>();
  for (const operation of operations) {
    const key = operation && resourceKey(operation);
    if (operation !== undefined && key !== undefined)
      claimed.set(key, [...(claimed.get(key) ?? []), ...claimsOf(operation)]);
  }
  const keysOf = (id: string): readonly string[] => [
    idKey(id),
    ...namesOf(id).map(nameKey),
    ...(claimed.get(idKey(id)) ?? []),
  ];
  return operations.map((operation) => {
    if (operation === undefined) return { changes: new Set(), reliesOn: new Set() };
    const { id } = operation;
    const key = resourceKey(operation);
    const own = key === undefined ? claimsOf(operation) : [key, ...(claimed.get(key) ?? [])];
    const held = id === undefined ? [] : namesOf(id);
    // What other types are unique by is not known here, so their operations stay in line.
    const type = uniqueIn.has(operation.type.toLowerCase()) ? [] : [`type ${operation.type}`];
    return {
      changes: new Set([...own, ...held.map(nameKey), ...type]),
      reliesOn: new Set(reliedOn(operation, keysOf)),
    };
  });
}

/** The ids that the operations name, wherever they name them. */
export function idsIn(operations: readonly BulkOperation[]): readonly string[] {
  return operations.flatMap(({ id, data }) => textsIn(data, id === undefined ? [] : [id]).filter(couldBeId));
}

function reliedOn({ data, refersTo }: BulkOperation, keysOf: (id: string) => readonly string[]): readonly string[] {
  const bulkIds = [...refersTo].map((bulkId) => `bulk ${bulkId}`);
  // A member may be named by its id, or by an externalId whose owner is yet to come.
  return [...bulkIds, ...textsIn(data).filter(couldBeId).flatMap(keysOf), ...membersIn(data).map(nameKey)];
}

function resourceKey({ method, bulkId, id }: BulkOperation): string | undefined {
  if (method === "POST") return bulkId === undefined ? undefined : `bulk ${bulkId}`;
  const reference = readReference(id ?? "");
  return reference === undefined ? idKey(id ?? "") : `bulk ${reference}`;
}

function claimsOf({ method, type, data }: BulkOperation): readonly string[] {
  const names = uniqueIn.get(type.toLowerCase()) ?? [];
  const speaksOfName = (text: string): boolean => names.some((name) => text.toLowerCase().includes(name));
  if (!isObject(data)) return [];
  // A PATCH has many ways to say the same; every text beside such a name is taken for one.
  if (method === "PATCH") return speaksOfName(JSON.stringify(data)) ? textsIn(data).map(nameKey) : [];
  return Object.entries(data).flatMap(([name, value]) =>
    typeof value === "string" && speaksOfName(name) ? [nameKey(value)] : [],
  );
}

function membersIn(data: Json | undefined): readonly string[] {
  if (!isObject(data)) return [];
  return Object.entries(data).flatMap(([name, value]) => {
    const lower = name.toLowerCase();
    const speaksOfMembers = lower === "operations" && JSON.stringify(value).toLowerCase().includes("members");
    return lower === "members" || speaksOfMembers ? textsIn(value) : [];
  });
}

/** Every text of the data, and what stands between quotes within one, as in the filter of a path. */
function textsIn(value: Json | undefined, found: string[] = []): readonly string[] {
  if (typeof value === "string") {
    found.push(value);
    if (value.includes('"')) for (const match of value.matchAll(quoted)) found.push(match[1] ?? "");
  } else if (isArray(value)) {
    for (const element of value) textsIn(element, found);
  } else if (isObject(value)) {
    for (const part of Object.values(value)) textsIn(part, found);
  }
  return found;
}

// The length is asked first: most texts are none, and there are many.
function couldBeId(text: string): boolean {
  return text.length === 36 && isId(text);
}

function idKey(id: string): string {
  return `id ${id}`;
}

function nameKey(name: string): string {
  return `name ${foldCase(name)}`;
}
