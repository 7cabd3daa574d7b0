import type { GroupAttributes, MemberChange } from "@rollcall/core/domain";
import { applyChanges } from "./attribute-change.ts";
import type { Change } from "./dialect.ts";
import { checkedGroup } from "./group-body.ts";
import { checkMemberCount, memberChange } from "./group-members.ts";
import { sameJson } from "./same-json.ts";

// RFC 7643 §4.2.
const required: readonly string[] = ["displayName"];

/** What a request does to a group: its edges in the order asked for, and its own attributes from those that it has. */
export type GroupPlan = {
  /** Undefined where they stay as they are. */
  readonly attributes: (held: GroupAttributes) => GroupAttributes | undefined;
  readonly members: readonly MemberChange[];
};

/** Plans a PATCH without reading the members that the group has. */
export function planGroupPatch(changes: readonly Change[]): GroupPlan {
  const members = joined(changes.filter(isMemberChange).map(memberChange));
  checkMemberCount(members.reduce((count, { values }) => count + values.length, 0));
  const own = changes.filter((change) => !isMemberChange(change));
  return {
    members,
    attributes: (held) => {
      const changed = applyChanges(held, own, required);
      return sameJson(changed, held) ? undefined : checkedGroup(changed);
    },
  };
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
