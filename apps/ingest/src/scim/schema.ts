import SCIMMY from "scimmy";

export type AttributeType =
  | "string"
  | "boolean"
  | "decimal"
  | "integer"
  | "dateTime"
  | "binary"
  | "reference"
  | "complex";

/** What RFC 7643 §7 says about one attribute, as far as reading and writing need it. */
export type Attribute = {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly caseExact: boolean;
  readonly mutability: "readWrite" | "readOnly" | "immutable";
  /** By lower-case name; empty unless the type is complex. */
  readonly subAttributes: ReadonlyMap<string, Attribute>;
};

/** One schema URN and its attributes by lower-case name. */
export type Schema = { readonly urn: string; readonly attributes: ReadonlyMap<string, Attribute> };

/** A resource type: its core schema, and the extensions that its resources may carry. */
export type ResourceSchema = {
  readonly resourceType: "User" | "Group";
  readonly core: Schema;
  readonly extensions: readonly Schema[];
};

/** Where a name leads. Without `attribute` the name is a schema URN itself; `urn` is set in extensions only. */
export type Resolved = {
  readonly urn: string | undefined;
  readonly attribute: Attribute | undefined;
  readonly sub: Attribute | undefined;
};

/** An attribute as `/Schemas` describes it (RFC 7643 §7). */
export type AttributeDescription = {
  readonly name: string;
  readonly type: string;
  readonly multiValued?: boolean;
  readonly caseExact?: boolean;
  readonly mutability?: string;
  readonly subAttributes?: readonly AttributeDescription[];
};

export type SchemaDescription = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly AttributeDescription[];
};

/** scimmy's description of a schema, without what Rollcall neither stores nor returns. */
function describeSchema(definition: { describe(): unknown }): SchemaDescription {
  // scimmy's attributes say what they are only as JSON; as objects they keep it in a config.
  const { id, name, description, attributes } = JSON.parse(JSON.stringify(definition.describe())) as SchemaDescription;
  return { id, name, description, attributes: attributes.filter((attribute) => attribute.name !== "password") };
}

export const schemaDescriptions = {
  user: describeSchema(SCIMMY.Schemas.User.definition),
  enterpriseUser: describeSchema(SCIMMY.Schemas.EnterpriseUser.definition),
  group: describeSchema(SCIMMY.Schemas.Group.definition),
};

// RFC 7643 §3.1: every resource has these, and no schema lists them.
const commonAttributes: readonly AttributeDescription[] = [
  { name: "schemas", type: "reference", multiValued: true, caseExact: true, mutability: "readOnly" },
  { name: "id", type: "string", caseExact: true, mutability: "readOnly" },
  { name: "externalId", type: "string", caseExact: true, mutability: "readWrite" },
  {
    name: "meta",
    type: "complex",
    mutability: "readOnly",
    subAttributes: [
      { name: "resourceType", type: "string", caseExact: true, mutability: "readOnly" },
      { name: "created", type: "dateTime", mutability: "readOnly" },
      { name: "lastModified", type: "dateTime", mutability: "readOnly" },
      { name: "location", type: "string", caseExact: true, mutability: "readOnly" },
      { name: "version", type: "string", caseExact: true, mutability: "readOnly" },
    ],
  },
];

export const enterpriseUser: Schema = schemaOf(schemaDescriptions.enterpriseUser);

export const userSchema: ResourceSchema = {
  resourceType: "User",
  core: schemaOf(schemaDescriptions.user, commonAttributes),
  extensions: [enterpriseUser],
};

export const groupSchema: ResourceSchema = {
  resourceType: "Group",
  core: schemaOf(schemaDescriptions.group, commonAttributes),
  extensions: [],
};

/** What one connection's resources may hold. */
export type ConnectionSchemas = { readonly user: ResourceSchema; readonly group: ResourceSchema };

export const standardSchemas: ConnectionSchemas = { user: userSchema, group: groupSchema };

/** Turns a `/Schemas` description into what the readers use. */
export function schemaOf(
  description: Pick<SchemaDescription, "id" | "attributes">,
  common: readonly AttributeDescription[] = [],
): Schema {
  return { urn: description.id, attributes: attributesOf([...common, ...description.attributes]) };
}

/**
 * Finds what a name means, without case (RFC 7643 §2.1): `userName`, `name.givenName`,
 * `<urn>:department`, or a schema URN alone. A name that the schema does not know is undefined.
 */
export function resolve(schema: ResourceSchema, name: string): Resolved | undefined {
  const known = longestUrn(schema, name);
  if (known === undefined) return withinSchema(undefined, schema.core, name);

  const urn = known === schema.core ? undefined : known.urn;
  if (name.length === known.urn.length) return { urn, attribute: undefined, sub: undefined };
  return withinSchema(urn, known, name.slice(known.urn.length + 1));
}

/** As `resolve`, and finds an extension's attribute without its URN: Entra asks for `manager eq "…"`. */
export function resolveForFilter(schema: ResourceSchema, name: string): Resolved | undefined {
  const strict = resolve(schema, name);
  if (strict !== undefined) return strict;

  for (const extension of schema.extensions) {
    const found = withinSchema(extension.urn, extension, name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The canonical path of what a name leads to: `emails.value`, `<urn>:manager.value`. */
export function canonicalPath(resolved: Resolved): string {
  const name = [resolved.attribute?.name, resolved.sub?.name].filter((part) => part !== undefined).join(".");
  return resolved.urn === undefined ? name : `${resolved.urn}:${name}`;
}

// The URN itself holds dots and colons ("…:2.0:User"), and one may be another's beginning, so the
// longest known one that ends at a colon wins; splitting at "." would tear it apart.
function longestUrn(schema: ResourceSchema, name: string): Schema | undefined {
  const lower = name.toLowerCase();
  let longest: Schema | undefined;
  for (const candidate of [schema.core, ...schema.extensions]) {
    const urn = candidate.urn.toLowerCase();
    const fits = lower === urn || lower.startsWith(`${urn}:`);
    if (fits && (longest === undefined || candidate.urn.length > longest.urn.length)) longest = candidate;
  }
  return longest;
}

function withinSchema(urn: string | undefined, schema: Schema, name: string): Resolved | undefined {
  const dot = name.indexOf(".");
  const attribute = schema.attributes.get((dot === -1 ? name : name.slice(0, dot)).toLowerCase());
  if (attribute === undefined) return undefined;
  if (dot === -1) return { urn, attribute, sub: undefined };

  const sub = attribute.subAttributes.get(name.slice(dot + 1).toLowerCase());
  return sub === undefined ? undefined : { urn, attribute, sub };
}

function attributesOf(descriptions: readonly AttributeDescription[]): ReadonlyMap<string, Attribute> {
  return new Map(descriptions.map((description) => [description.name.toLowerCase(), attributeOf(description)]));
}

function attributeOf(description: AttributeDescription): Attribute {
  return {
    name: description.name,
    type: description.type as AttributeType,
    multiValued: description.multiValued ?? false,
    caseExact: description.caseExact ?? false,
    mutability: mutabilityOf(description.mutability),
    subAttributes: attributesOf(description.subAttributes ?? []),
  };
}

function mutabilityOf(mutability: string | undefined): Attribute["mutability"] {
  return mutability === "readOnly" || mutability === "immutable" ? mutability : "readWrite";
}
