import { isObject, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import { readPatchRequest, type WrittenOperation } from "../scim/patch-request.ts";

/** What a SCIM event says (RFC 9967 §2.3 and §2.4): the kind, and attributes where it states any. */
export type ScimSaying =
  | { readonly kind: SourceEventKind; readonly attributes?: JsonObject }
  | { readonly ignored: string };

const family = "urn:ietf:params:scim:event:";

/** Whether an event type is one of RFC 9967's; the drafts wrote `SCIM` in it. */
export function isScimEvent(type: string): boolean {
  return type.toLowerCase().startsWith(family);
}

/**
 * Reads a SCIM event. A notice, and a change that cannot be told from its text alone, is a ping; but
 * whatever says that somebody is no longer active shuts them out.
 */
export function readScimEvent(type: string, content: Json): ScimSaying {
  const data = isObject(content) && isObject(content["data"]) ? withActive(content["data"]) : undefined;
  switch (type.toLowerCase().slice(family.length)) {
    case "prov:deactivate":
      return { kind: "disabled" };
    case "prov:activate":
      return { kind: "enabled" };
    case "prov:delete":
      return { kind: "deleted" };
    case "prov:create:full":
      return data === undefined ? { kind: "created" } : { kind: "created", attributes: { active: true, ...data } };
    case "prov:create:notice":
      return { kind: "created" };
    case "prov:put:full":
      return data === undefined ? { kind: "changed" } : { kind: "changed", attributes: data };
    case "prov:patch:full":
      return patched(data);
    case "prov:put:notice":
    case "prov:patch:notice":
    // A feed that no longer tells of somebody does not say that they have gone.
    case "feed:add":
    case "feed:remove":
      return { kind: "changed" };
    default:
      return { ignored: "a SCIM event of this type says nothing of users" };
  }
}

/** A PATCH that sets whole attributes states them; of any other it is known only that it was. */
function patched(data: JsonObject | undefined): ScimSaying {
  const operations = data === undefined ? [] : readPatchRequest(data);
  const stated = operations.map(statedBy);
  const attributes = Object.assign({}, ...stated) as JsonObject;
  if (attributes["active"] === false) return { kind: "disabled" };
  return operations.length === 0 || stated.includes(undefined) ? { kind: "changed" } : { kind: "changed", attributes };
}

function statedBy({ kind, path, value }: WrittenOperation): JsonObject | undefined {
  if (path === undefined) return isObject(value) && isPlain(value) ? withActive(value) : undefined;
  if (!/^[a-z][\w-]*$/i.test(path)) return undefined;
  if (kind === "remove") return path.toLowerCase() === "active" ? { active: false } : { [path]: null };
  return value !== undefined && isPlain({ [path]: value }) ? withActive({ [path]: value }) : undefined;
}

/** Names of attributes have no case (RFC 7643 §2.1), and Entra writes `"False"`: neither may let a leaver in. */
function withActive(attributes: JsonObject): JsonObject {
  const name = Object.keys(attributes).find((written) => written.toLowerCase() === "active");
  if (name === undefined) return attributes;
  const { [name]: value = null, ...others } = attributes;
  const isWord = typeof value === "string" && /^(?:true|false)$/i.test(value);
  return { ...others, active: isWord ? value.toLowerCase() === "true" : value };
}

/** An `add` to many values leaves those that are there, and a part of an attribute the others. */
function isPlain(attributes: JsonObject): boolean {
  return Object.values(attributes).every((value) => typeof value !== "object" || value === null);
}
