import type { DirectoryGroup, DirectoryUser, Json, JsonObject, Member, Membership } from "@rollcall/core/domain";
import type { Locations } from "./resource-location.ts";
import type { ResourceSchema } from "./schema.ts";

/** The weak ETag of a version (RFC 7644 §3.14). */
export function etagOf(version: number): string {
  return `W/"${version}"`;
}

/** A user as SCIM shows it (RFC 7643 §4.1), with the groups it belongs to directly. */
export function userResource(
  schema: ResourceSchema,
  user: DirectoryUser,
  memberships: readonly Membership[],
  locations: Locations,
): JsonObject {
  const groups = memberships.map(({ id, displayName }) => ({
    value: id,
    $ref: locations.group(id),
    display: displayName,
    type: "direct",
  }));
  return resourceOf(schema, user, locations.user(user.id), groups.length === 0 ? {} : { groups });
}

/** A group as SCIM shows it (RFC 7643 §4.2). A member not seen yet has a value only. */
export function groupResource(
  schema: ResourceSchema,
  group: DirectoryGroup,
  members: readonly Member[],
  locations: Locations,
): JsonObject {
  const shown = members.map((member) => memberJson(member, locations));
  return resourceOf(schema, group, locations.group(group.id), shown.length === 0 ? {} : { members: shown });
}

function memberJson({ value, kind, display }: Member, locations: Locations): JsonObject {
  const reference =
    kind === undefined ? {} : { $ref: kind === "User" ? locations.user(value) : locations.group(value), type: kind };
  return { value, ...reference, ...(display === undefined ? {} : { display }) };
}

function resourceOf(
  schema: ResourceSchema,
  held: DirectoryUser | DirectoryGroup,
  location: string,
  edges: JsonObject,
): JsonObject {
  const extensions = schema.extensions.map(({ urn }) => urn).filter((urn) => held.attributes[urn] !== undefined);
  const meta: Json = {
    resourceType: schema.resourceType,
    created: held.createdAt.toISOString(),
    lastModified: held.updatedAt.toISOString(),
    location,
    version: etagOf(held.version),
  };
  return { schemas: [schema.core.urn, ...extensions], id: held.id, ...held.attributes, ...edges, meta };
}
