import { readAttributeDefinitions } from "./attribute-definition.ts";
import { type Complain, type DefinitionProblem, readDescription, readText, refuseUnknown } from "./definition-text.ts";
import type { Json } from "./directory.ts";
import { schemaAttributesMax, type SchemaDefinition, standardClashOf } from "./extension-schema.ts";
import { isObject } from "./subject.ts";

export type ReadDefinition =
  | { readonly definition: SchemaDefinition; readonly problems: readonly [] }
  | { readonly definition: undefined; readonly problems: readonly DefinitionProblem[] };

const members: ReadonlySet<string> = new Set(["schemas", "id", "name", "description", "attributes", "meta"]);
const urnShape = /^urn:[a-z0-9][a-z0-9-]{1,31}(?::[A-Za-z0-9_.-]+)+$/;
const urnLengthMax = 200;
const nameLengthMax = 100;

/**
 * Reads a schema as RFC 7643 §7 writes it, every characteristic that was left out at its default
 * (§2.2). Takes nothing that could not be held, and names all that is wrong with it at once.
 */
export function readSchemaDefinition(written: Json | undefined): ReadDefinition {
  const problems: DefinitionProblem[] = [];
  const complain: Complain = (at, message) => problems.push({ at, message });
  if (!isObject(written)) return { definition: undefined, problems: [{ at: "", message: "must be a JSON object" }] };

  refuseUnknown(written, members, "", complain);
  const definition = {
    id: readUrn(written["id"], complain),
    name: readText(written["name"], nameLengthMax, "name", complain),
    description: readDescription(written["description"], "description", complain),
    attributes: readAttributeDefinitions(written["attributes"], complain),
  };
  const count = definition.attributes.reduce((sum, { subAttributes = [] }) => sum + 1 + subAttributes.length, 0);
  if (count > schemaAttributesMax)
    complain("attributes", `has ${count} attributes with their sub-attributes; at most ${schemaAttributesMax} may be`);
  return problems.length === 0 ? { definition, problems: [] } : { definition: undefined, problems };
}

// Names that lead to a prototype are refused in every body, also as a part between colons or dots.
const prototypeWords: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

function readUrn(written: Json | undefined, complain: Complain): string {
  if (typeof written !== "string" || !urnShape.test(written)) {
    complain("id", "must be a URN like urn:ietf:params:scim:schemas:extension:acme:2.0:User");
    return "";
  }
  if (written.length > urnLengthMax) complain("id", `is longer than ${urnLengthMax} characters`);
  if (written.split(/[:.]/).some((part) => prototypeWords.has(part.toLowerCase())))
    complain("id", "contains a reserved word");
  const clash = standardClashOf(written);
  if (clash !== undefined) complain("id", clash);
  return written;
}
