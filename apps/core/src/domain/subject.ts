import type { Connection, SubjectCompare } from "./connection.ts";
import type { Json, JsonObject, UserAttributes } from "./directory.ts";
import { foldCase } from "./identifier.ts";

/** OpenID Connect Core 1.0 section 2; gateways refuse every token with a longer one. */
export const subjectLengthMax = 255;

/**
 * The subject that the connection's issuers put into this user's tokens, by its subject rule;
 * undefined where the directory does not say (the attribute is missing, or can be in no token; or links are
 * made by hand).
 */
export function subjectOf(
  connection: Pick<Connection, "subjectRule" | "subjectAttribute">,
  userId: string,
  attributes: UserAttributes,
): string | undefined {
  switch (connection.subjectRule) {
    case "direct":
      return userId;
    case "attribute": {
      const value = attributeAt(attributes, connection.subjectAttribute);
      return typeof value === "string" && value !== "" && value.length <= subjectLengthMax ? value : undefined;
    }
    case "federated":
      return undefined;
  }
}

/** How two subjects compare: byte for byte, or without case. */
export function subjectKey(compare: SubjectCompare, sub: string): string {
  return compare === "exact" ? sub : foldCase(sub);
}

/** Reads `userName`, `name.givenName`, `emails[primary]`, `<urn>:employeeNumber`. */
export function attributeAt(attributes: JsonObject, path: string): Json | undefined {
  const primary = /^(\w+)\[primary\]$/.exec(path);
  if (primary?.[1] !== undefined) return primaryOf(attributes[primary[1]])?.["value"];

  if (path.startsWith("urn:")) {
    const colon = path.lastIndexOf(":");
    return childOf(attributes[path.slice(0, colon)], path.slice(colon + 1));
  }
  return path.split(".").reduce<Json | undefined>(childOf, attributes);
}

/** The element marked primary, else the only one: an identity provider that sends one e-mail seldom marks it. */
export function primaryOf(values: Json | undefined): JsonObject | undefined {
  if (!Array.isArray(values)) return undefined;
  const elements = (values as readonly Json[]).filter(isObject);
  return elements.find((element) => element["primary"] === true) ?? (elements.length === 1 ? elements[0] : undefined);
}

function childOf(value: Json | undefined, name: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
