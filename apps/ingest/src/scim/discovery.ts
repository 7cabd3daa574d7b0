import type { Locations } from "./resource-location.ts";
import { type AttributeDescription, type SchemaDescription, schemaDescriptions } from "./schema.ts";

/** How many resources one page of an answer may hold. */
export const pageSizeMax = 200;

const enterpriseUrn = schemaDescriptions.enterpriseUser.id;

/** RFC 7643 §5: what this server can do, and no more. */
export function serviceProviderConfig(locations: Locations) {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: pageSizeMax },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: "oauthbearertoken",
        name: "Bearer token",
        description: "The token of one connection, in the Authorization header (RFC 6750).",
        specUri: "https://www.rfc-editor.org/info/rfc6750",
        primary: true,
      },
    ],
    meta: { resourceType: "ServiceProviderConfig", location: `${locations.base}/ServiceProviderConfig` },
  };
}

/** RFC 7643 §6. */
export function resourceTypes(locations: Locations) {
  const { user, group } = schemaDescriptions;
  return [
    resourceType(locations, "User", "/Users", user, [{ schema: enterpriseUrn, required: false }]),
    resourceType(locations, "Group", "/Groups", group, []),
  ];
}

/** RFC 7643 §7, from scimmy's definitions, with our own locations and our own uniqueness. */
export function schemas(locations: Locations) {
  const { user, enterpriseUser, group } = schemaDescriptions;
  return [user, enterpriseUser, { ...group, attributes: group.attributes.map(withUniqueName) }].map((schema) => ({
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"],
    id: schema.id,
    name: schema.name,
    description: schema.description,
    attributes: schema.attributes.map(withoutEmptyLists),
    meta: { resourceType: "Schema", location: `${locations.base}/Schemas/${schema.id}` },
  }));
}

type Extension = { readonly schema: string; readonly required: boolean };

function resourceType(
  locations: Locations,
  name: string,
  endpoint: string,
  schema: SchemaDescription,
  schemaExtensions: readonly Extension[],
) {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
    id: name,
    name,
    endpoint,
    description: schema.description,
    schema: schema.id,
    ...(schemaExtensions.length === 0 ? {} : { schemaExtensions }),
    meta: { resourceType: "ResourceType", location: `${locations.base}/ResourceTypes/${name}` },
  };
}

function withUniqueName(attribute: AttributeDescription): AttributeDescription & { readonly uniqueness?: string } {
  return attribute.name === "displayName" ? { ...attribute, uniqueness: "server" } : attribute;
}

// scimmy writes `canonicalValues: []` for roles, which reads as "no value is allowed".
function withoutEmptyLists(attribute: AttributeDescription): AttributeDescription {
  const entries = Object.entries(attribute).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const kept = Object.fromEntries(entries) as AttributeDescription;
  return kept.subAttributes === undefined
    ? kept
    : { ...kept, subAttributes: kept.subAttributes.map(withoutEmptyLists) };
}
