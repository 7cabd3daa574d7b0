import { hash } from "node:crypto";
import { bulkBytesMax, bulkOperationsMax } from "./bulk-request.ts";
import { cursorTimeoutSec } from "./page-cursor.ts";
import type { Locations } from "./resource-location.ts";
import { type ConnectionSchemas, standardSchemas } from "./schema.ts";
import { type SchemaDescription, schemaDescriptions } from "./schema-descriptions.ts";
import { serviceDescriptions } from "./service-descriptions.ts";

/** How many resources one page of an answer may hold. */
export const pageSizeMax = 200;
export const pageSizeDefault = 100;

/** RFC 7643 §5: what this server can do, and no more. */
export function serviceProviderConfig(locations: Locations) {
  return versioned(
    {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
      documentationUri: "https://www.rfc-editor.org/info/rfc7644",
      patch: { supported: true },
      bulk: { supported: true, maxOperations: bulkOperationsMax, maxPayloadSize: bulkBytesMax },
      filter: { supported: true, maxResults: pageSizeMax },
      changePassword: { supported: false },
      sort: { supported: true },
      // RFC 9865 §4.
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: "index",
        defaultPageSize: pageSizeDefault,
        maxPageSize: pageSizeMax,
        cursorTimeout: cursorTimeoutSec,
      },
      etag: { supported: true },
      // RFC 9967 §4: what is answered is done, so there is nothing to be told of later (docs/adr/0014).
      securityEvents: { asyncRequest: "none", eventUris: [] },
      authenticationSchemes: [
        {
          type: "oauthbearertoken",
          name: "Bearer token",
          description: "The token of one connection, in the Authorization header (RFC 6750).",
          specUri: "https://www.rfc-editor.org/info/rfc6750",
          primary: true,
        },
      ],
    },
    { resourceType: "ServiceProviderConfig", location: `${locations.base}/ServiceProviderConfig` },
  );
}

/** RFC 7643 §6, with the extensions that this connection's resources may carry. */
export function resourceTypes(locations: Locations, { extensions }: ConnectionSchemas = standardSchemas) {
  const { user, enterpriseUser, group } = schemaDescriptions;
  const own = (resourceType: "User" | "Group") => extensions.filter((one) => one.resourceType === resourceType);
  return [
    resourceType(locations, "User", "/Users", user, [enterpriseUser, ...own("User")]),
    resourceType(locations, "Group", "/Groups", group, own("Group")),
  ];
}

/** RFC 7643 §7: every schema that this connection's resources may carry, and those of the discovery documents. */
export function schemas(locations: Locations, { extensions }: ConnectionSchemas = standardSchemas) {
  const { user, enterpriseUser, group } = schemaDescriptions;
  return [user, enterpriseUser, group, ...extensions, ...serviceDescriptions].map(
    ({ id, name, description, attributes }) =>
      versioned(
        { schemas: ["urn:ietf:params:scim:schemas:core:2.0:Schema"], id, name, description, attributes },
        { resourceType: "Schema", location: `${locations.base}/Schemas/${id}` },
      ),
  );
}

/** The weak tag of what says of itself nothing that it could be told by but all of it. */
export function contentTag(content: object): string {
  return `W/"${hash("sha256", JSON.stringify(content), "base64url").slice(0, 22)}"`;
}

function resourceType(
  locations: Locations,
  name: string,
  endpoint: string,
  schema: SchemaDescription,
  extensions: readonly SchemaDescription[],
) {
  // No extension is required: a resource may carry it, and is held to it where it does.
  const schemaExtensions = extensions.map(({ id }) => ({ schema: id, required: false }));
  return versioned(
    {
      schemas: ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"],
      id: name,
      name,
      endpoint,
      description: schema.description,
      schema: schema.id,
      ...(schemaExtensions.length === 0 ? {} : { schemaExtensions }),
    },
    { resourceType: "ResourceType", location: `${locations.base}/ResourceTypes/${name}` },
  );
}

function versioned<Document extends object, Meta extends object>(document: Document, meta: Meta) {
  return { ...document, meta: { ...meta, version: contentTag(document) } };
}
