import type { DirectoryGroup, DirectoryUser, JsonObject } from "@rollcall/core/domain";
import { entityTag } from "./entity-tag.ts";
import type { Projection } from "./projection.ts";
import { groupResource, userResource } from "./resource.ts";
import type { Caller, ScimDoor } from "./scim-door.ts";

/** Users as SCIM shows them, with the groups they belong to unless nobody asks for those. */
export async function showUsers(
  door: ScimDoor,
  caller: Caller,
  users: readonly DirectoryUser[],
  projection: Projection,
): Promise<readonly JsonObject[]> {
  const resources = await userResources(door, caller, users, projection.shows("groups"));
  return resources.map((resource) => projection.apply(resource));
}

/** Groups as SCIM shows them, with their members unless nobody asks for those. */
export async function showGroups(
  door: ScimDoor,
  caller: Caller,
  groups: readonly DirectoryGroup[],
  projection: Projection,
): Promise<readonly JsonObject[]> {
  const resources = await groupResources(door, caller, groups, projection.shows("members"));
  return resources.map((resource) => projection.apply(resource));
}

/** One resource as it can be shown; its memberships cost a look and are had only where they are asked for. */
export type Shown = {
  readonly location: string;
  /** The tag of the resource without its memberships. */
  readonly ownTag: string;
  /** The attribute that memberships are shown as. */
  readonly edges: "groups" | "members";
  whole(withEdges: boolean): Promise<JsonObject>;
};

export function shownUser(door: ScimDoor, caller: Caller, user: DirectoryUser): Shown {
  return {
    location: door.locations.user(user.id),
    ownTag: ownTagOf(caller, user),
    edges: "groups",
    whole: async (withGroups) => (await userResources(door, caller, [user], withGroups))[0] ?? {},
  };
}

export function shownGroup(door: ScimDoor, caller: Caller, group: DirectoryGroup): Shown {
  return {
    location: door.locations.group(group.id),
    ownTag: ownTagOf(caller, group),
    edges: "members",
    whole: async (withMembers) => (await groupResources(door, caller, [group], withMembers))[0] ?? {},
  };
}

function ownTagOf({ schemas }: Caller, { version }: DirectoryUser | DirectoryGroup): string {
  return entityTag({ version, schemasVersion: schemas.version });
}

async function userResources(
  door: ScimDoor,
  { tenantId, connectionId, schemas }: Caller,
  users: readonly DirectoryUser[],
  withGroups: boolean,
): Promise<readonly JsonObject[]> {
  const unread = withGroups ? users.filter((user) => user.memberships === undefined).map((user) => user.id) : [];
  const read = unread.length === 0 ? undefined : await door.users.memberships(tenantId, connectionId, unread);
  return users.map((user) => {
    const memberships = withGroups ? (user.memberships ?? read?.get(user.id) ?? []) : [];
    return userResource(schemas, user, memberships, door.locations);
  });
}

async function groupResources(
  door: ScimDoor,
  { tenantId, connectionId, schemas }: Caller,
  groups: readonly DirectoryGroup[],
  withMembers: boolean,
): Promise<readonly JsonObject[]> {
  const ids = withMembers ? groups.map((group) => group.id) : [];
  const members = ids.length === 0 ? undefined : await door.groups.members(tenantId, connectionId, ids);
  return groups.map((group) => groupResource(schemas, group, members?.get(group.id) ?? [], door.locations));
}
