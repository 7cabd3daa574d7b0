import type { DirectoryGroup, DirectoryUser, JsonObject } from "@rollcall/core/domain";
import type { Projection } from "./projection.ts";
import { groupResource, userResource } from "./resource.ts";
import type { Caller, ScimDoor } from "./scim-door.ts";

/** Users as SCIM shows them, with the groups they belong to unless nobody asks for those. */
export async function showUsers(
  door: ScimDoor,
  { tenantId, connectionId, schemas }: Caller,
  users: readonly DirectoryUser[],
  projection: Projection,
): Promise<readonly JsonObject[]> {
  const ids = projection.shows("groups") ? users.map((user) => user.id) : [];
  const memberships = ids.length === 0 ? undefined : await door.users.memberships(tenantId, connectionId, ids);
  return users.map((user) =>
    projection.apply(userResource(schemas.user, user, memberships?.get(user.id) ?? [], door.locations)),
  );
}

/** Groups as SCIM shows them, with their members unless nobody asks for those. */
export async function showGroups(
  door: ScimDoor,
  { tenantId, connectionId, schemas }: Caller,
  groups: readonly DirectoryGroup[],
  projection: Projection,
): Promise<readonly JsonObject[]> {
  const ids = projection.shows("members") ? groups.map((group) => group.id) : [];
  const members = ids.length === 0 ? undefined : await door.groups.members(tenantId, connectionId, ids);
  return groups.map((group) =>
    projection.apply(groupResource(schemas.group, group, members?.get(group.id) ?? [], door.locations)),
  );
}
