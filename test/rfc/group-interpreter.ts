/** What one operation of a group's PATCH asks for, read already (RFC 7644 §3.5.2). */
export type GroupOperation = {
  readonly op: "add" | "replace" | "remove";
  readonly displayName?: string | null;
  readonly externalId?: string | null;
  /** In `value`. */
  readonly members?: readonly string[];
  /** In the path's filter: `members[value eq "…"]`. */
  readonly selected?: readonly string[];
  /** The path of a removal without a value. */
  readonly attribute?: "displayName" | "externalId" | "members";
};

/** A group as it is shown; its members are a set, in order of their values. */
export type Roll = {
  readonly displayName: string;
  readonly externalId: string | undefined;
  readonly members: readonly string[];
};

/**
 * The group after all operations, and whose membership is another than before; undefined where one
 * is refused. `named` says whom an externalId names. Shares nothing with the product.
 */
export function interpretGroup(
  before: Roll,
  operations: readonly GroupOperation[],
  named: ReadonlyMap<string, string>,
): { readonly roll: Roll; readonly told: readonly string[] } | undefined {
  const known = (values: readonly string[] = []): readonly string[] => values.map((value) => named.get(value) ?? value);
  let { displayName, externalId } = before;
  let members = new Set(before.members);
  for (const operation of operations) {
    // §3.5.2.2: a required attribute is not removed.
    if (operation.displayName === null || operation.attribute === "displayName") return undefined;
    displayName = operation.displayName ?? displayName;
    if (operation.externalId !== undefined) externalId = operation.externalId ?? undefined;
    if (operation.attribute === "externalId") externalId = undefined;

    const given = known(operation.members);
    const selected = new Set(
      known(operation.op === "remove" ? (operation.selected ?? operation.members) : operation.selected),
    );
    // §3.5.2.3: without a filter "the attribute and all values are replaced". A filter that selects nobody would be
    // "noTarget"; members are edges, and one that is not there is as good as replaced.
    const replacesAll =
      operation.op === "replace" && operation.selected === undefined && operation.members !== undefined;
    const kept = replacesAll ? [] : [...members].filter((member) => !selected.has(member));
    members = new Set(operation.op === "remove" ? kept : [...kept, ...given]);
    // §3.5.2.2: "no filter is specified, the attribute and all values are removed".
    if (operation.attribute === "members") members = new Set();
  }
  const gone = before.members.filter((member) => !members.has(member)).map((member) => `membership.removed ${member}`);
  const come = [...members]
    .filter((member) => !before.members.includes(member))
    .map((member) => `membership.added ${member}`);
  return { roll: { displayName, externalId, members: [...members].toSorted() }, told: [...gone, ...come] };
}
