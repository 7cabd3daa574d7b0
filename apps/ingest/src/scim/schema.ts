import {
  type AttributeDescription,
  type AttributeType,
  type SchemaDescription,
  schemaDescriptions,
} from "./schema-descriptions.ts";

/** What RFC 7643 §7 says about one attribute, as far as reading and writing need it. */
export type Attribute = {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued: boolean;
  readonly caseExact: boolean;
  /** What may only be written is `readWrite` here: that it is never returned is said by `returned`. */
  readonly mutability: "readWrite" | "readOnly" | "immutable";
  readonly required: boolean;
  readonly returned: "always" | "never" | "default" | "request";
  /** The values it may have, where it may have no others. */
  readonly onlyValues: readonly string[] | undefined;
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

// RFC 7643 §3.1: every resource has these, and no schema lists them.
const commonAttributes: readonly AttributeDescription[] = [
  {
    name: "schemas",
    type: "reference",
    multiValued: true,
    caseExact: true,
    mutability: "readOnly",
    returned: "always",
  },
  { name: "id", type: "string", caseExact: true, mutability: "readOnly", returned: "always" },
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
export type ConnectionSchemas = {
  readonly user: ResourceSchema;
  readonly group: ResourceSchema;
  /** Grows with every change of them, and is a part of every entity tag: what is shown changes too. */
  readonly version: number;
  /** What the connection has beside SCIM's own, as `/Schemas` describes it. */
  readonly extensions: readonly DescribedExtension[];
};

export type DescribedExtension = SchemaDescription & { readonly resourceType: ResourceSchema["resourceType"] };

export const standardSchemas: ConnectionSchemas = { user: userSchema, group: groupSchema, version: 0, extensions: [] };

/**
 * Turns a `/Schemas` description into what the readers use. Its canonical values are suggestions
 * (RFC 7643 §7) unless `canonicalOnly` makes them all that there may be.
 */
export function schemaOf(
  description: Pick<SchemaDescription, "id" | "attributes">,
  common: readonly AttributeDescription[] = [],
  canonicalOnly = false,
): Schema {
  return { urn: description.id, attributes: attributesOf([...common, ...description.attributes], canonicalOnly) };
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

function attributesOf(
  descriptions: readonly AttributeDescription[],
  canonicalOnly: boolean,
): ReadonlyMap<string, Attribute> {
  return new Map(
    descriptions.map((description) => [description.name.toLowerCase(), attributeOf(description, canonicalOnly)]),
  );
}

function attributeOf(description: AttributeDescription, canonicalOnly: boolean): Attribute {
  const { mutability = "readWrite" } = description;
  return {
    name: description.name,
    type: description.type,
    multiValued: description.multiValued ?? false,
    caseExact: description.caseExact ?? false,
    mutability: mutability === "writeOnly" ? "readWrite" : mutability,
    required: description.required ?? false,
    returned: description.returned ?? (mutability === "writeOnly" ? "never" : "default"),
    onlyValues: canonicalOnly ? description.canonicalValues : undefined,
    subAttributes: attributesOf(description.subAttributes ?? [], canonicalOnly),
  };
}
