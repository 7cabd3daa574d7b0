import { DirectoryError, type GroupAttributes, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { readMemberValues } from "./group-members.ts";
import { checkName, readBody, withExternalId } from "./resource-body.ts";
import type { ResourceSchema, Schema } from "./schema.ts";

/** A group's representation; `members` is undefined where the body does not speak of them. */
export type GroupBody = { readonly attributes: GroupAttributes; readonly members: readonly string[] | undefined };

/** Reads a group's whole representation (POST, PUT). Foreign schemas are passed over, as Entra lists one of its own. */
export function readGroupBody(schema: ResourceSchema, body: Json | undefined): GroupBody {
  const attributes = checkedGroup(readBody(body, withoutMembers(schema.core), schema.extensions));
  const name = isObject(body)
    ? Object.keys(body).find((candidate) => candidate.toLowerCase() === "members")
    : undefined;
  const members = isObject(body) && name !== undefined ? body[name] : undefined;
  return { attributes, members: members === undefined || members === null ? undefined : readMemberValues(members) };
}

/** Holds every group to what no change may take from it: a name that can be compared, a storable external id. */
export function checkedGroup(attributes: JsonObject): GroupAttributes {
  const { displayName } = attributes;
  if (typeof displayName !== "string") throw new DirectoryError("value_invalid", "displayName is required");
  checkName("displayName", displayName);
  return { ...withExternalId(attributes), displayName };
}

// Members are edges and are read apart, past the limit on values of one attribute.
function withoutMembers(core: Schema): Schema {
  return { ...core, attributes: new Map([...core.attributes].filter(([name]) => name !== "members")) };
}
