import type { AttributeDescription, SchemaDescription } from "./schema-descriptions.ts";

// Whatever a server says of itself is its own to say.
const readOnly = { multiValued: false, required: true, mutability: "readOnly", returned: "default" } as const;

/** The schemas of the discovery documents themselves (RFC 7643 §5–7, §8.7.2; RFC 9865 §4; RFC 9967 §4), with the verified errata. */
export const serviceDescriptions: readonly SchemaDescription[] = [
  {
    id: "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig",
    name: "Service Provider Configuration",
    description: "What the service provider offers",
    attributes: [
      link("documentationUri", "Where its documentation is", ["external"]),
      part("patch", "PATCH options", [flag("supported", "Whether PATCH is offered")]),
      part("bulk", "Bulk options", [
        flag("supported", "Whether bulk is offered"),
        number("maxOperations", "How many operations one request may hold"),
        number("maxPayloadSize", "How many bytes one request may hold"),
      ]),
      part("filter", "Filter options", [
        flag("supported", "Whether filters are offered"),
        number("maxResults", "How many resources one answer may hold"),
      ]),
      part("changePassword", "Password options", [flag("supported", "Whether a password can be changed")]),
      part("sort", "Sort options", [flag("supported", "Whether sorting is offered")]),
      part("etag", "Entity tag options", [flag("supported", "Whether entity tags are offered")]),
      optional(
        part("pagination", "Pagination options", [
          flag("cursor", "Whether pages are found by cursor"),
          flag("index", "Whether pages are found by index"),
          optional(text("defaultPaginationMethod", "How pages are found unless asked", ["cursor", "index"])),
          optional(number("defaultPageSize", "How many resources a page holds unless asked")),
          optional(number("maxPageSize", "How many resources a page may hold")),
          optional(number("cursorTimeout", "How many seconds a cursor lives at least")),
        ]),
      ),
      optional(
        part("securityEvents", "Security event options", [
          optional(
            text("asyncRequest", "Whether a request may be completed after its answer", ["none", "long", "request"]),
          ),
          many(optional(text("eventUris", "The security events that can be delivered"))),
        ]),
      ),
      many(
        part("authenticationSchemes", "How a request is authenticated", [
          text("type", "The scheme", ["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"]),
          text("name", "Its name for people"),
          text("description", "What it is"),
          link("specUri", "Where it is specified", ["external"]),
          link("documentationUri", "Where its use is described", ["external"]),
          optional(flag("primary", "Whether it is the preferred one")),
        ]),
      ),
    ],
  },
  {
    id: "urn:ietf:params:scim:schemas:core:2.0:ResourceType",
    name: "ResourceType",
    description: "A type of resource: where it is found and what it may hold",
    attributes: [
      optional(text("id", "The id of the resource type, which is its name")),
      text("name", "The name of the resource type"),
      optional(text("description", "What such a resource is")),
      { ...link("endpoint", "Where its resources are, below the base URL", ["uri"]), required: true },
      { ...link("schema", "Its core schema", ["uri"]), required: true },
      many(
        optional(
          part("schemaExtensions", "What its resources may hold beside the core schema", [
            { ...link("schema", "The schema of the extension", ["uri"]), required: true },
            flag("required", "Whether every resource must carry it"),
          ]),
        ),
      ),
    ],
  },
  {
    id: "urn:ietf:params:scim:schemas:core:2.0:Schema",
    name: "Schema",
    description: "A schema: its attributes and their characteristics",
    attributes: [
      text("id", "The URN of the schema"),
      text("name", "Its name for people"),
      optional(text("description", "What it is")),
      many(
        part("attributes", "Its attributes", [
          ...characteristics(["string", "complex", "boolean", "decimal", "integer", "dateTime", "reference", "binary"]),
          // RFC 7643 §8.7.2 nests here, and nowhere else; a part cannot be complex in its turn (erratum 8415).
          many(
            optional(
              part(
                "subAttributes",
                "The parts of a complex attribute",
                characteristics(["string", "boolean", "decimal", "integer", "dateTime", "reference", "binary"]),
              ),
            ),
          ),
        ]),
      ),
    ],
  },
];

function characteristics(types: readonly string[]): readonly AttributeDescription[] {
  return [
    { ...text("name", "Its name"), caseExact: true },
    text("type", "Its data type", types),
    flag("multiValued", "Whether it has many values"),
    optional(text("description", "What it is")),
    optional(flag("required", "Whether it must have a value")),
    many(optional({ ...text("canonicalValues", "Values that are suggested"), caseExact: true })),
    optional(flag("caseExact", "Whether its values compare with their case")),
    optional(text("mutability", "Who may change it", ["readOnly", "readWrite", "immutable", "writeOnly"])),
    optional(text("returned", "When it is returned", ["always", "never", "default", "request"])),
    optional(text("uniqueness", "Among what it is unique", ["none", "server", "global"])),
    many(optional(text("referenceTypes", "What it may refer to"))),
  ];
}

function text(name: string, description: string, canonicalValues?: readonly string[]): AttributeDescription {
  const values = canonicalValues === undefined ? {} : { canonicalValues };
  return { name, type: "string", description, ...readOnly, ...values, caseExact: false, uniqueness: "none" };
}

function link(name: string, description: string, referenceTypes: readonly string[]): AttributeDescription {
  const said = { ...readOnly, required: false, caseExact: true, uniqueness: "none" } as const;
  return { name, type: "reference", description, ...said, referenceTypes };
}

function flag(name: string, description: string): AttributeDescription {
  return { name, type: "boolean", description, ...readOnly };
}

function number(name: string, description: string): AttributeDescription {
  return { name, type: "integer", description, ...readOnly, uniqueness: "none" };
}

function part(name: string, description: string, subAttributes: readonly AttributeDescription[]): AttributeDescription {
  return { name, type: "complex", description, ...readOnly, subAttributes };
}

function many(attribute: AttributeDescription): AttributeDescription {
  return { ...attribute, multiValued: true };
}

function optional(attribute: AttributeDescription): AttributeDescription {
  return { ...attribute, required: false };
}
