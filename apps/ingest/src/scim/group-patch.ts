import type { GroupAttributes, JsonObject, MemberChange } from "@rollcall/core/domain";
import { applyChange } from "./attribute-change.ts";
import type { Change } from "./dialect.ts";
import { checkedGroup } from "./group-body.ts";
import { memberChange } from "./group-members.ts";
import { sameJson } from "./same-json.ts";

/** The rows a group PATCH writes: its own attributes where they change, and its edges in the order asked for. */
export type GroupPlan = { readonly attributes?: GroupAttributes; readonly members: readonly MemberChange[] };

/** Plans a PATCH from the group's attributes alone: the members it has are never read. */
export function planGroupPatch(attributes: GroupAttributes, changes: readonly Change[]): GroupPlan {
  const members = joined(changes.filter(isMemberChange).map(memberChange));
  const changed = changes.filter((change) => !isMemberChange(change)).reduce<JsonObject>(applyChange, attributes);
  return sameJson(changed, attributes) ? { members } : { attributes: checkedGroup(changed), members };
}

function isMemberChange({ target }: Change): boolean {
  return target.urn === undefined && target.attribute.name === "members";
}

// Some senders write one operation per member; neighbours of one kind are one change. A change
// that names nobody is none, unless it replaces.
function joined(changes: readonly MemberChange[]): readonly MemberChange[] {
  const result: { readonly kind: MemberChange["kind"]; readonly values: Set<string> }[] = [];
  for (const { kind, values } of changes) {
    if (kind !== "replace" && values.length === 0) continue;
    const last = result.at(-1);
    if (kind !== "replace" && last?.kind === kind) for (const value of values) last.values.add(value);
    else result.push({ kind, values: new Set(values) });
  }
  return result.map(({ kind, values }) => ({ kind, values: [...values] }));
}
