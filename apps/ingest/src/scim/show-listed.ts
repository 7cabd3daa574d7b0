import type { DirectoryGroup, DirectoryUser, JsonObject, Listed, ResourceKind } from "@rollcall/core/domain";
import type { Projection } from "./projection.ts";
import type { Caller, ScimDoor } from "./scim-door.ts";
import { showGroups, showUsers } from "./show.ts";

/** Users and groups as SCIM shows them, in the order of the list. */
export async function showListed(
  door: ScimDoor,
  caller: Caller,
  listed: readonly Listed[],
  projections: ReadonlyMap<ResourceKind, Projection>,
): Promise<readonly JsonObject[]> {
  const users = listed.filter((one) => one.kind === "User").map(({ resource }) => resource);
  const groups = listed.filter((one) => one.kind === "Group").map(({ resource }) => resource);
  const [shownUsers, shownGroups] = await Promise.all([
    show(users, projections.get("User"), (projection) => showUsers(door, caller, users, projection)),
    show(groups, projections.get("Group"), (projection) => showGroups(door, caller, groups, projection)),
  ]);
  return listed.map(({ resource }) => shownUsers.get(resource.id) ?? shownGroups.get(resource.id) ?? {});
}

async function show(
  held: readonly (DirectoryUser | DirectoryGroup)[],
  projection: Projection | undefined,
  shown: (projection: Projection) => Promise<readonly JsonObject[]>,
): Promise<ReadonlyMap<string, JsonObject>> {
  if (held.length === 0 || projection === undefined) return new Map();
  const resources = await shown(projection);
  return new Map(held.map(({ id }, index) => [id, resources[index] ?? {}]));
}
