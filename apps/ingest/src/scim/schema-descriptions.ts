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

/** An attribute as `/Schemas` describes it (RFC 7643 §7). */
export type AttributeDescription = {
  readonly name: string;
  readonly type: AttributeType;
  readonly multiValued?: boolean;
  readonly description?: string;
  readonly required?: boolean;
  readonly canonicalValues?: readonly string[];
  readonly caseExact?: boolean;
  readonly mutability?: "readWrite" | "readOnly" | "immutable" | "writeOnly";
  readonly returned?: "always" | "never" | "default" | "request";
  readonly uniqueness?: "none" | "server" | "global";
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly AttributeDescription[];
};

export type SchemaDescription = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly AttributeDescription[];
};

type Corrections = { readonly [path: string]: Partial<AttributeDescription> };

/**
 * SCIM's own schemas (RFC 7643 §4, §8.7.1) as this server holds them: scimmy's definitions with the
 * verified errata, and with what Rollcall does where the RFC leaves it open. A password is neither
 * kept nor returned, so none is described.
 */
export const schemaDescriptions = {
  user: described(SCIMMY.Schemas.User.definition, {
    // Whoever is created without it is active, and nobody can be without it afterwards.
    active: { required: true },
    // Ids compare exactly (§3.1); a user belongs to groups alone (erratum 8471).
    "groups.value": { caseExact: true },
    "groups.$ref": { referenceTypes: ["Group"] },
  }),
  enterpriseUser: described(SCIMMY.Schemas.EnterpriseUser.definition, {
    // Erratum 8472.
    "manager.value": { caseExact: true },
  }),
  group: described(SCIMMY.Schemas.Group.definition, {
    // Two groups of one name could not be told apart by Entra, which matches by it.
    displayName: { uniqueness: "server" },
    "members.value": { caseExact: true },
    // It is read from the member, whatever was sent.
    "members.display": { mutability: "readOnly" },
  }),
};

function described(definition: { describe(): unknown }, corrections: Corrections): SchemaDescription {
  // scimmy's attributes say what they are only as JSON; as objects they keep it in a config.
  const { id, name, description, attributes } = JSON.parse(JSON.stringify(definition.describe())) as SchemaDescription;
  const kept = attributes.filter((attribute) => attribute.name !== "password");
  return { id, name, description, attributes: kept.map((attribute) => corrected(attribute, "", corrections)) };
}

function corrected(written: AttributeDescription, parent: string, corrections: Corrections): AttributeDescription {
  const path = `${parent}${written.name}`;
  const { uniqueness, caseExact, canonicalValues, subAttributes, ...rest } = written;
  return {
    ...rest,
    // An empty list would read as "no value is allowed".
    ...(canonicalValues === undefined || canonicalValues.length === 0 ? {} : { canonicalValues }),
    ...comparisonOf(written.type, caseExact, uniqueness),
    ...(subAttributes === undefined
      ? {}
      : { subAttributes: subAttributes.map((sub) => corrected(sub, `${path}.`, corrections)) }),
    ...corrections[path],
  };
}

// RFC 7643 §2.3.2 and §2.3.8 (erratum 6004): booleans and complex values have neither case nor
// uniqueness; §2.3.6 and §2.3.7: binary values and references are case exact, whatever §8.7.1 shows.
// SCIM's own schemas know no other types but strings.
function comparisonOf(
  type: AttributeType,
  caseExact: boolean | undefined,
  uniqueness: AttributeDescription["uniqueness"],
): Pick<AttributeDescription, "caseExact" | "uniqueness"> {
  if (type === "boolean" || type === "complex") return {};
  const exact = type === "reference" || type === "binary";
  return { caseExact: exact || (caseExact ?? false), uniqueness: uniqueness ?? "none" };
}
