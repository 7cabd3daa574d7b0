import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import type { Change } from "./dialect.ts";
import { changeElements } from "./element-change.ts";
import { isArray } from "./same-json.ts";

/** One change to the attributes of a resource, extensions under their URN. */
export function applyChange(attributes: JsonObject, change: Change): JsonObject {
  const { urn, attribute } = change.target;
  if (urn === undefined) return withValue(attributes, attribute.name, applyTo(attributes[attribute.name], change));

  const held = attributes[urn];
  const extension = isObject(held) ? held : {};
  return withValue(attributes, urn, withValue(extension, attribute.name, applyTo(extension[attribute.name], change)));
}

function applyTo(current: Json | undefined, change: Change): Json | undefined {
  const { attribute, sub } = change.target;
  if (attribute.multiValued) return changeElements(isArray(current) ? current : [], change);

  refuseRemovalOfState(change);
  if (sub === undefined) return change.kind === "remove" ? undefined : change.value;
  return withValue(isObject(current) ? current : {}, sub.name, change.kind === "remove" ? undefined : change.value);
}

// Without its state a user would fall back to the default, which is to be let in.
function refuseRemovalOfState({ kind, target }: Change): void {
  if (kind === "remove" && target.urn === undefined && target.attribute.name === "active") {
    throw new DirectoryError("value_invalid", "active can be set to true or false, but not removed");
  }
}

function withValue(object: JsonObject, name: string, value: Json | undefined): JsonObject {
  if (value !== undefined && !isEmpty(value)) return object[name] === value ? object : { ...object, [name]: value };
  if (object[name] === undefined) return object;
  const { [name]: _removed, ...rest } = object;
  return rest;
}

// RFC 7643 §2.5: an empty array is the same as no value; so is a complex value without parts.
function isEmpty(value: Json): boolean {
  return isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0;
}
