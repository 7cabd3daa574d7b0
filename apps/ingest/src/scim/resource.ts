import {
  type DirectoryGroup,
  type DirectoryUser,
  isObject,
  type Json,
  type JsonObject,
  type Member,
  type Membership,
} from "@rollcall/core/domain";
import { describedValues } from "./described-value.ts";
import { entityTag } from "./entity-tag.ts";
import type { Locations } from "./resource-location.ts";
import type { ConnectionSchemas, ResourceSchema } from "./schema.ts";

/** A user as SCIM shows it (RFC 7643 §4.1), with the groups it belongs to. */
export function userResource(
  schemas: ConnectionSchemas,
  user: DirectoryUser,
  memberships: readonly Membership[],
  locations: Locations,
): JsonObject {
  const groups = memberships.map(({ id, displayName, direct }) => ({
    value: id,
    $ref: locations.group(id),
    display: displayName,
    type: direct ? "direct" : "indirect",
  }));
  const version = entityTag({ version: user.version, schemasVersion: schemas.version }, groups);
  return resourceOf(schemas.user, user, locations.user(user.id), version, groups.length === 0 ? {} : { groups });
}

/** A group as SCIM shows it (RFC 7643 §4.2). A member not seen yet has a value only. */
export function groupResource(
  schemas: ConnectionSchemas,
  group: DirectoryGroup,
  members: readonly Member[],
  locations: Locations,
): JsonObject {
  const shown = members.map((member) => memberJson(member, locations));
  const version = entityTag({ version: group.version, schemasVersion: schemas.version }, shown);
  const edges = shown.length === 0 ? {} : { members: shown };
  return resourceOf(schemas.group, group, locations.group(group.id), version, edges);
}

/** The tag of the representation that `userResource` or `groupResource` made. */
export function tagOf(resource: JsonObject): string {
  const meta = resource["meta"];
  return isObject(meta) && typeof meta["version"] === "string" ? meta["version"] : "";
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
  version: string,
  edges: JsonObject,
): JsonObject {
  const { core, extensions } = shownAttributes(schema, held.attributes);
  const meta: Json = {
    resourceType: schema.resourceType,
    created: held.createdAt.toISOString(),
    lastModified: held.updatedAt.toISOString(),
    location,
    version,
  };
  // RFC 7643 §3.1: the URIs of what the resource holds, each once.
  const schemas = [schema.core.urn, ...Object.keys(extensions)];
  return { schemas, id: held.id, ...core, ...extensions, ...edges, meta };
}

/** What the connection's schemas describe of what is held: of a schema that was removed, nothing. */
function shownAttributes(
  schema: ResourceSchema,
  attributes: JsonObject,
): { readonly core: JsonObject; readonly extensions: JsonObject } {
  const core: { [name: string]: Json } = {};
  const extensions: { [urn: string]: Json } = {};
  for (const [name, value] of Object.entries(attributes)) {
    // No attribute of SCIM's own has a colon in its name, and every URN has.
    if (!name.includes(":")) {
      core[name] = value;
      continue;
    }
    const extension = schema.extensions.find(({ urn }) => urn === name);
    const described = extension !== undefined && isObject(value) ? describedValues(extension, value) : {};
    if (Object.keys(described).length > 0) extensions[name] = described;
  }
  return { core, extensions };
}
