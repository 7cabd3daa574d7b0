import { DirectoryError, type Json, type JsonObject, type UserAttributes } from "@rollcall/core/domain";
import { checkName, readBody, withExternalId } from "./resource-body.ts";
import type { ResourceSchema } from "./schema.ts";

/**
 * Reads a user's whole representation (POST, PUT). What the server owns and what the schema does
 * not know is left out (RFC 7644 §3.3); a wrong type is refused. Where `active` is not said, it is
 * `activeUnsaid`: true for a new user, and for a replaced one what it was, so that silence enables nobody.
 */
export function readUserBody(schema: ResourceSchema, body: Json | undefined, activeUnsaid = true): UserAttributes {
  const attributes = readBody(body, schema.core, schema.extensions);
  return checkedUser({ ...attributes, active: attributes["active"] ?? activeUnsaid });
}

/** Holds every user to what no change may take from it: a name that can be compared, a state, a storable external id. */
export function checkedUser(attributes: JsonObject): UserAttributes {
  const { userName, active } = attributes;
  if (typeof userName !== "string") throw new DirectoryError("value_invalid", "userName is required");
  checkName("userName", userName);
  if (typeof active !== "boolean") throw new DirectoryError("value_invalid", "active must be true or false");
  return { ...withExternalId(attributes), userName, active };
}
