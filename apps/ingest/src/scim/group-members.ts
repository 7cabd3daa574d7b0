import { DirectoryError, type Filter, isObject, type Json, type MemberChange } from "@rollcall/core/domain";
import type { Change } from "./dialect.ts";
import type { Target } from "./path.ts";
import { isArray } from "./same-json.ts";

// An index entry of PostgreSQL holds at most 2,704 bytes, and the group's id shares it.
const memberBytesMax = 2048;
// Each is an edge and an event in one transaction; more come in several requests.
const membersMax = 20_000;

/** The ids in a `members` value: objects with `value`, bare ids, or one of either. What stands beside an id is not kept. */
export function readMemberValues(value: Json): readonly string[] {
  const written = isArray(value) ? value : [value];
  const values = [...new Set(written.map(readMember))];
  checkMemberCount(values.length);
  return values;
}

/** Throws `body_too_large` where one request names more members than it may. */
export function checkMemberCount(count: number): void {
  if (count > membersMax)
    throw new DirectoryError(
      "body_too_large",
      `one request may name at most ${membersMax.toLocaleString("en")} members; add the others by further PATCH requests`,
    );
}

/**
 * Reads a PATCH of `members`. A removal must say whom it removes: the value array that Entra sends
 * with it counts, and nothing is ever read as "everybody" but a replacement by an empty array.
 */
export function readMemberChanges(kind: Change["kind"], target: Target, value: Json | undefined): readonly Change[] {
  const whole: Target = { ...target, filter: undefined };
  if (target.filter !== undefined) return selectedChanges(kind, whole, selectedValues(target.filter), value);
  if (value === undefined || value === null) {
    throw new DirectoryError("value_invalid", `${kind} of members needs the members in value or in a filter`);
  }
  return [{ kind, target: whole, value: readMemberValues(value) }];
}

/** The edges that a read change asks for. */
export function memberChange({ kind, value }: Change): MemberChange {
  const values = isArray(value) ? value.filter((one) => typeof one === "string") : [];
  return { kind, values };
}

function selectedChanges(
  kind: Change["kind"],
  target: Target,
  selected: readonly string[],
  value: Json | undefined,
): readonly Change[] {
  const removed: Change = { kind: "remove", target, value: selected };
  if (kind === "remove") return [removed];
  if (kind === "replace" && value !== undefined && value !== null) {
    return [removed, { kind: "add", target, value: readMemberValues(value) }];
  }
  throw new DirectoryError("path_invalid", "members are added by value, not by a filter");
}

// Edges are found by id alone, so that a change costs its operations and not the group's size.
function selectedValues(filter: Filter): readonly string[] {
  if (filter.kind === "or") return [...new Set(filter.terms.flatMap(selectedValues))];
  if (
    filter.kind === "compare" &&
    filter.path === "value" &&
    filter.operator === "eq" &&
    typeof filter.value === "string"
  ) {
    return [readMember(filter.value)];
  }
  throw new DirectoryError("filter_invalid", 'members can be selected by value only: members[value eq "…"]');
}

function readMember(member: Json): string {
  const value = isObject(member) ? valueOf(member) : member;
  if (typeof value !== "string" || value === "" || Buffer.byteLength(value) > memberBytesMax) {
    throw new DirectoryError("value_invalid", "a member needs a value that is an id");
  }
  return value;
}

function valueOf(member: { readonly [name: string]: Json }): Json | undefined {
  const name = Object.keys(member).find((candidate) => candidate.toLowerCase() === "value");
  return name === undefined ? undefined : member[name];
}
