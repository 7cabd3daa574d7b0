/** An attribute as RFC 7643 §7 defines it, with every characteristic said that its type knows. */
export type AttributeDefinition = {
  readonly name: string;
  readonly type: "string" | "boolean" | "decimal" | "integer" | "dateTime" | "binary" | "reference" | "complex";
  readonly multiValued: boolean;
  readonly description: string;
  readonly required: boolean;
  readonly canonicalValues?: readonly string[];
  readonly caseExact?: boolean;
  readonly mutability: "readOnly" | "readWrite" | "immutable" | "writeOnly";
  readonly returned: "always" | "never" | "default" | "request";
  readonly uniqueness?: "none";
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly AttributeDefinition[];
};

/** A schema that one connection's users or groups may carry beside SCIM's own (RFC 7643 §3.3, §7). */
export type SchemaDefinition = {
  /** The URN, in the spelling in which it was registered. */
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly AttributeDefinition[];
};

/** What a schema is registered with: whose resources it extends, and whether its canonical values are all there may be. */
export type SchemaUse = {
  readonly resourceType: "User" | "Group";
  /** RFC 7643 §7 only suggests canonical values. True makes any other value a refusal. */
  readonly canonicalValuesOnly: boolean;
};

export type ExtensionSchema = SchemaUse & { readonly definition: SchemaDefinition };

/** How many schemas a connection may have of its own, and how many attributes each, counted with their parts. */
export const extensionSchemasMax = 10;
export const schemaAttributesMax = 100;

/** What names a schema that SCIM or Rollcall already has. */
const takenUrns: readonly string[] = [
  "urn:ietf:params:scim:schemas:core",
  "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
  "urn:ietf:params:scim:api",
];

/** Why a URN cannot stand beside SCIM's own; undefined where it can. */
export function standardClashOf(urn: string): string | undefined {
  const clash = takenUrns.find((taken) => urnsClash(urn, taken));
  return clash === undefined ? undefined : `${clash} is SCIM's own, and so is everything below it`;
}

/**
 * Whether two URNs are one, or one continues the other after a colon: then `<urn>:badge` would be an
 * attribute of the first and the second schema itself. URNs have no case here (RFC 7643 §2.1).
 */
export function urnsClash(left: string, right: string): boolean {
  const [one, other] = [`${left.toLowerCase()}:`, `${right.toLowerCase()}:`];
  return one.startsWith(other) || other.startsWith(one);
}
