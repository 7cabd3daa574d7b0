import { DirectoryError, isObject, type Json } from "@rollcall/core/domain";
import { isReference, readSingle, readValue, type Strictness } from "./attribute-value.ts";
import { readPatchRequest, type WrittenOperation } from "./patch-request.ts";
import { type Path, parsePath, type Target, unknownPath } from "./path.ts";
import { isArray } from "./same-json.ts";
import type { Attribute, ResourceSchema } from "./schema.ts";
import { anybody, type Speaker } from "./speaker.ts";
import { unknownParts } from "./unknown-names.ts";

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

// What an attribute may be called. Anything else in its place is a mistake, which nobody passes over.
const attributeName = /^[\w.:$/-]+$/;

/**
 * Reads a PATCH body as its sender meant it: the second of three steps, from what `reword` left of
 * the dialect to the RFC's changes, of which `applyUserPatch` and `planGroupPatch` plan the rows.
 * Unknown names are refused by name, or passed over and told, as the sender's profile says; never
 * in silence. Writes to what only the server may say are refused.
 */
export function readChanges(
  schema: ResourceSchema,
  resourceId: string,
  body: Json | undefined,
  readEdges: EdgeReader = () => [],
  { profile, passOver }: Speaker = anybody,
): readonly Change[] {
  const unknown = profile.unknownAttribute;
  const emptyable = profile.removeAllMembers === "permit";
  const dialect: Dialect = { schema, resourceId, readEdges, passOver, unknown, emptyable };
  return readPatchRequest(body).flatMap((operation) => changesOf(dialect, operation));
}

type Dialect = {
  readonly schema: ResourceSchema;
  readonly resourceId: string;
  readonly readEdges: EdgeReader;
  readonly passOver: Speaker["passOver"];
  readonly unknown: Strictness;
  /** Whether a removal of members that names none means all of them. */
  readonly emptyable: boolean;
};

function changesOf(dialect: Dialect, operation: WrittenOperation): readonly Change[] {
  const { kind, path, value } = operation;
  if (path === undefined) return changesOfObject(dialect, kind, undefined, value);
  if (ignoredPaths.has(path.trim().toLowerCase())) return [];
  return changesAtName(dialect, kind, path, value);
}

function changesAtName(
  dialect: Dialect,
  kind: Change["kind"],
  name: string,
  value: Json | undefined,
): readonly Change[] {
  const path = parsePath(dialect.schema, name);
  return path === undefined ? unknownName(dialect, name) : changesAt(dialect, kind, path, value);
}

function unknownName({ unknown, passOver }: Dialect, name: string): readonly Change[] {
  const [base = ""] = name.trim().split("[", 1);
  if (unknown === "refuse" || !attributeName.test(base)) throw unknownPath(name);
  passOver(name);
  return [];
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
    return changesAtName(dialect, kind, urn === undefined ? name : `${urn}:${name}`, part);
  });
}

function changesAt(dialect: Dialect, kind: Change["kind"], path: Path, value: Json | undefined): readonly Change[] {
  if (path.attribute === undefined) return changesOfSchema(dialect, kind, path.urn, value);
  if (path.urn === undefined && path.attribute.name === "id") return sameId(dialect, kind, value);
  refuseFixed(path);
  if (path.urn === undefined && path.attribute.name === "members") return changesOfEdges(dialect, kind, path, value);
  if (path.sub !== undefined) return changesOfSub(dialect, kind, path, path.sub, value);
  if (!path.attribute.multiValued && path.attribute.type === "complex")
    return changesOfComplex(dialect, kind, path, value);
  return kind === "remove" ? [removalOf(dialect, path, value)] : changesOfWhole(dialect, kind, path, value ?? null);
}

// RFC 7644 §3.5.2.2 empties the attribute; who may mean that is the profile's to say.
function changesOfEdges(
  dialect: Dialect,
  kind: Change["kind"],
  target: Target,
  value: Json | undefined,
): readonly Change[] {
  const namesNobody = target.filter === undefined && target.sub === undefined && (value ?? null) === null;
  if (dialect.emptyable && kind === "remove" && namesNobody) return [{ kind: "replace", target, value: [] }];
  return dialect.readEdges(kind, target, value);
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

// What is immutable may be given once (RFC 7644 §3.5.2), and whether it was is seen where the rows are
// planned; a part of an element is given with its element or not at all.
function refuseFixed({ attribute, sub }: Target): void {
  const part = sub ?? attribute;
  const isGivenWithElement = attribute.multiValued && sub?.mutability === "immutable";
  if (attribute.mutability !== "readOnly" && part.mutability !== "readOnly" && !isGivenWithElement) return;
  throw new DirectoryError("attribute_read_only", `${part.name} cannot be changed`);
}

function changesOfSub(
  dialect: Dialect,
  kind: Change["kind"],
  target: Target,
  sub: Attribute,
  value: Json | undefined,
): readonly Change[] {
  if (isReference(target.attribute) && sub.name === "value") {
    const named = kind === "remove" ? null : { value: value ?? null };
    return changesOfReference(dialect, kind, { ...target, sub: undefined }, named);
  }
  const read = kind === "remove" || value === undefined ? undefined : readValue(sub, value, dialect.unknown);
  return kind === "remove" || read === undefined ? [removal(target)] : [{ kind, target, value: read }];
}

// A manager is named as a whole, and one of no id is nobody.
function changesOfReference(dialect: Dialect, kind: Change["kind"], target: Target, value: Json): readonly Change[] {
  const named = isObject(value) && value["value"] === "" ? null : value;
  const read = kind === "remove" ? undefined : readElement(dialect, target.attribute, named);
  return kind === "remove" || read === undefined ? [removal(target)] : [{ kind, target, value: read }];
}

// RFC 7644 §3.5.2.3: a complex value given for a complex attribute sets its parts and leaves the others.
function changesOfComplex(
  dialect: Dialect,
  kind: Change["kind"],
  target: Target,
  value: Json | undefined,
): readonly Change[] {
  if (kind === "remove" || value === undefined || value === null) return [removal(target)];
  const namesReference =
    isReference(target.attribute) &&
    (!isObject(value) || Object.keys(value).some((name) => name.toLowerCase() === "value"));
  if (namesReference) return changesOfReference(dialect, kind, target, value);
  if (!isObject(value)) throw new DirectoryError("value_invalid", `${target.attribute.name} must be an object`);

  return Object.entries(value).flatMap(([name, part]) => {
    const sub = target.attribute.subAttributes.get(name.toLowerCase());
    if (sub === undefined) return unknownName(dialect, `${target.attribute.name}.${name}`);
    return sub.mutability === "readOnly" ? [] : changesOfSub(dialect, kind, { ...target, sub }, sub, part);
  });
}

function changesOfWhole(dialect: Dialect, kind: "add" | "replace", target: Target, value: Json): readonly Change[] {
  const read = readGiven(dialect, target, value);
  if (read !== undefined) return [{ kind, target, value: read }];
  // To add nothing to a list takes nothing from it; a single value that is null has none (RFC 7643 §2.5).
  return kind === "replace" || !target.attribute.multiValued ? [removal(target)] : [];
}

// Entra names in `value` the elements to take; without it the whole attribute goes.
function removalOf(dialect: Dialect, target: Target, value: Json | undefined): Change {
  const some = target.attribute.multiValued && target.filter === undefined && value !== undefined && value !== null;
  return some ? { kind: "remove", target, value: readGiven(dialect, target, value) ?? [] } : removal(target);
}

function readGiven(dialect: Dialect, target: Target, value: Json): Json | undefined {
  if (target.filter !== undefined) return readElement(dialect, target.attribute, value);
  passOverParts(dialect, target.attribute, value);
  // One element may stand without its array (RFC 7644 §3.5.2.1).
  const alone = target.attribute.multiValued && value !== null && !isArray(value);
  return readValue(target.attribute, alone ? [value] : value, dialect.unknown);
}

function readElement(dialect: Dialect, attribute: Attribute, value: Json): Json | undefined {
  passOverParts(dialect, attribute, value);
  return readSingle(attribute, value, dialect.unknown);
}

// What the reader below refuses by name or leaves out, as `unknown` says.
function passOverParts({ unknown, passOver }: Dialect, attribute: Attribute, value: Json): void {
  if (unknown === "ignore") for (const name of unknownParts(attribute, value)) passOver(name);
}

function removal(target: Target): Change {
  return { kind: "remove", target };
}
