import { DirectoryError, isObject, type Json } from "@rollcall/core/domain";
import { readSingle, readValue } from "./attribute-value.ts";
import { readPatchRequest, type WrittenOperation } from "./patch-request.ts";
import { type Path, parsePath, type Target, unknownPath } from "./path.ts";
import { isArray } from "./same-json.ts";
import type { Attribute, ResourceSchema } from "./schema.ts";

/**
 * What RFC 7644 §3.5.2 would call one change, free of every sender's dialect: each has a target
 * that the schema knows and a value of its type. A `remove` with a value takes only those elements.
 */
export type Change =
  | { readonly kind: "add" | "replace"; readonly target: Target; readonly value: Json }
  | { readonly kind: "remove"; readonly target: Target; readonly value?: Json };

/** Reads changes of a group's members, which are edges and not values. */
export type EdgeReader = (kind: Change["kind"], target: Target, value: Json | undefined) => readonly Change[];

// What a server owns or refuses to keep: senders echo these, so within a body they pass unread.
const echoed: ReadonlySet<string> = new Set(["schemas", "meta", "groups", "password"]);
// Okta sends a placeholder password, and others list the extensions they use.
const ignoredPaths: ReadonlySet<string> = new Set(["password", "schemas"]);

/**
 * Reads a PATCH body as its sender meant it. Unknown names are refused by name, never passed over,
 * and so are writes to what only the server may say.
 */
export function readChanges(
  schema: ResourceSchema,
  resourceId: string,
  body: Json | undefined,
  readEdges: EdgeReader = () => [],
): readonly Change[] {
  const dialect: Dialect = { schema, resourceId, readEdges };
  return readPatchRequest(body).flatMap((operation) => changesOf(dialect, operation));
}

type Dialect = { readonly schema: ResourceSchema; readonly resourceId: string; readonly readEdges: EdgeReader };

function changesOf(dialect: Dialect, operation: WrittenOperation): readonly Change[] {
  const { kind, path, value } = operation;
  if (path === undefined) return changesOfObject(dialect, kind, undefined, value);
  if (ignoredPaths.has(path.trim().toLowerCase())) return [];
  return changesAt(dialect, kind, parsePath(dialect.schema, path), value);
}

// A value without a path: each of its names is a path (RFC 7644 §3.5.2.1), dotted or under a URN.
function changesOfObject(
  dialect: Dialect,
  kind: Change["kind"],
  urn: string | undefined,
  value: Json | undefined,
): readonly Change[] {
  if (!isObject(value))
    throw new DirectoryError("value_invalid", "a value without a path to one attribute must be an object");
  return Object.entries(value).flatMap(([name, part]) => {
    if (urn === undefined && echoed.has(name.toLowerCase())) return [];
    return changesAt(dialect, kind, parsePath(dialect.schema, urn === undefined ? name : `${urn}:${name}`), part);
  });
}

function changesAt(dialect: Dialect, kind: Change["kind"], path: Path, value: Json | undefined): readonly Change[] {
  if (path.attribute === undefined) return changesOfSchema(dialect, kind, path.urn, value);
  if (path.urn === undefined && path.attribute.name === "id") return sameId(dialect, kind, value);
  refuseFixed(path);
  if (path.urn === undefined && path.attribute.name === "members") return dialect.readEdges(kind, path, value);
  if (path.sub !== undefined) return changesOfSub(kind, path, path.sub, value);
  if (!path.attribute.multiValued && path.attribute.type === "complex") return changesOfComplex(kind, path, value);
  return kind === "remove" ? [removalOf(path, value)] : changesOfWhole(kind, path, value ?? null);
}

function changesOfSchema(
  dialect: Dialect,
  kind: Change["kind"],
  urn: string | undefined,
  value: Json | undefined,
): readonly Change[] {
  if (kind !== "remove" && value !== null) return changesOfObject(dialect, kind, urn, value);

  const extension = dialect.schema.extensions.find((candidate) => candidate.urn === urn);
  if (extension === undefined) throw new DirectoryError("attribute_read_only", "the core schema cannot be removed");
  return [...extension.attributes.values()].map((attribute) =>
    removal({ urn, attribute, filter: undefined, sub: undefined }),
  );
}

// Okta repeats the id within a rename; a different one would be a wish to change it.
function sameId(dialect: Dialect, kind: Change["kind"], value: Json | undefined): readonly Change[] {
  if (kind !== "remove" && (value === null || value === dialect.resourceId)) return [];
  throw new DirectoryError("attribute_read_only", "id cannot be changed");
}

function refuseFixed({ attribute, sub }: Target): void {
  const part = sub ?? attribute;
  if (attribute.mutability === "readWrite" && part.mutability === "readWrite") return;
  throw new DirectoryError("attribute_read_only", `${part.name} cannot be changed`);
}

function changesOfSub(
  kind: Change["kind"],
  target: Target,
  sub: Attribute,
  value: Json | undefined,
): readonly Change[] {
  if (isReference(target) && sub.name === "value") {
    return changesOfReference(kind, { ...target, sub: undefined }, kind === "remove" ? null : { value: value ?? null });
  }
  const read = kind === "remove" || value === undefined ? undefined : readValue(sub, value, "refuse");
  return kind === "remove" || read === undefined ? [removal(target)] : [{ kind, target, value: read }];
}

function isReference({ attribute }: Target): boolean {
  return !attribute.multiValued && attribute.subAttributes.has("value");
}

// A manager of another id is another person, about whom the old parts say nothing; of no id, nobody.
function changesOfReference(kind: Change["kind"], target: Target, value: Json): readonly Change[] {
  const named = isObject(value) && value["value"] === "" ? null : value;
  const read = kind === "remove" ? undefined : readSingle(target.attribute, named, "refuse");
  return kind === "remove" || read === undefined ? [removal(target)] : [removal(target), { kind, target, value: read }];
}

// RFC 7644 §3.5.2.3: a complex value given for a complex attribute sets its parts and leaves the others.
function changesOfComplex(kind: Change["kind"], target: Target, value: Json | undefined): readonly Change[] {
  if (kind === "remove" || value === undefined || value === null) return [removal(target)];
  const namesReference =
    isReference(target) && (!isObject(value) || Object.keys(value).some((name) => name.toLowerCase() === "value"));
  if (namesReference) return changesOfReference(kind, target, value);
  if (!isObject(value)) throw new DirectoryError("value_invalid", `${target.attribute.name} must be an object`);

  return Object.entries(value).flatMap(([name, part]) => {
    const sub = target.attribute.subAttributes.get(name.toLowerCase());
    if (sub === undefined) throw unknownPath(`${target.attribute.name}.${name}`);
    return sub.mutability === "readOnly" ? [] : changesOfSub(kind, { ...target, sub }, sub, part);
  });
}

function changesOfWhole(kind: "add" | "replace", target: Target, value: Json): readonly Change[] {
  const read = readGiven(target, value);
  if (read !== undefined) return [{ kind, target, value: read }];
  return kind === "replace" || value === null ? [removal(target)] : [];
}

// Entra names in `value` the elements to take; without it the whole attribute goes.
function removalOf(target: Target, value: Json | undefined): Change {
  const some = target.attribute.multiValued && target.filter === undefined && value !== undefined && value !== null;
  return some ? { kind: "remove", target, value: readGiven(target, value) ?? [] } : removal(target);
}

function readGiven(target: Target, value: Json): Json | undefined {
  if (target.filter !== undefined) return readSingle(target.attribute, value, "refuse");
  // One element may stand without its array (RFC 7644 §3.5.2.1).
  const alone = target.attribute.multiValued && value !== null && !isArray(value);
  return readValue(target.attribute, alone ? [value] : value, "refuse");
}

function removal(target: Target): Change {
  return { kind: "remove", target };
}
