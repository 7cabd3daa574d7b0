import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";
import { type Attribute, type Resolved, type ResourceSchema, resolveForFilter, type Schema } from "./schema.ts";

/** Which attributes a caller wants to see (RFC 7644 §3.9). */
export type Projection = {
  /** Whether any part of a core attribute will be shown; what will not need not be fetched. */
  shows(attribute: string): boolean;
  apply(resource: JsonObject): JsonObject;
  /** The same, and what is returned on request (RFC 7643 §7) where this names it: a write has asked for what it wrote. */
  withWritten(written: readonly Named[]): Projection;
};

/** Where a name leads, or a part of a name: a schema, an attribute, a sub-attribute. */
export type Named = Pick<Resolved, "urn" | "attribute" | "sub">;

/** What names of one schema ask for. */
type Selection = {
  /** The schema itself is named, and so is all of it. */
  readonly whole: boolean;
  readonly attributes: ReadonlyMap<string, { readonly whole: boolean; readonly parts: ReadonlySet<string> }>;
};

type Wish = {
  readonly kind: "default" | "only" | "without";
  readonly named: readonly Named[];
  readonly written: readonly Named[];
};

/** For each attribute of one schema: how it was named in the wish, and in what was written. */
type View = { readonly kind: Wish["kind"]; readonly named: Selection; readonly written: Selection };

/**
 * Reads `attributes` and `excludedAttributes`. Names that the schema does not know show nothing
 * and hide nothing; where both are given, `attributes` decides. What the schema says is always or
 * never returned is neither asked for nor excluded.
 */
export function readProjection(
  schema: ResourceSchema,
  attributes: string | undefined,
  excluded: string | undefined,
): Projection {
  const only = namesOf(schema, attributes);
  if (only !== undefined) return projectionOf(schema, { kind: "only", named: only, written: [] });
  const without = namesOf(schema, excluded);
  if (without !== undefined) return projectionOf(schema, { kind: "without", named: without, written: [] });
  return projectionOf(schema, { kind: "default", named: [], written: [] });
}

/** Everything that a body held of extensions: what a POST or a PUT wrote and may ask to see. */
export function writtenIn(schema: ResourceSchema, attributes: JsonObject): readonly Named[] {
  return schema.extensions.flatMap(({ urn, attributes: known }) => {
    const held = attributes[urn];
    const names = isObject(held) ? Object.keys(held) : [];
    const written = names.map((name) => known.get(name.toLowerCase())).filter((attribute) => attribute !== undefined);
    return written.map((attribute) => ({ urn, attribute, sub: undefined }));
  });
}

function namesOf(schema: ResourceSchema, list: string | undefined): readonly Resolved[] | undefined {
  if (list === undefined || list.trim() === "") return undefined;
  const names = list.split(",").map((name) => resolveForFilter(schema, name.trim()));
  return names.filter((resolved) => resolved !== undefined);
}

function projectionOf(schema: ResourceSchema, wish: Wish): Projection {
  const core = viewOf(wish, undefined);
  const extensions = new Map(
    schema.extensions.map((extension) => [extension.urn, { extension, view: viewOf(wish, extension.urn) }]),
  );
  // Nobody asked for less, and nothing is to be held back: what is held is what is shown.
  const isWhole = wish.kind === "default" && !schema.extensions.some(holdsBack);
  return {
    shows: (name) => {
      const attribute = schema.core.attributes.get(name.toLowerCase());
      return attribute !== undefined && isShown(attribute, core);
    },
    apply: (resource) =>
      isWhole
        ? resource
        : filterEntries(resource, (name, value) => {
            const known = extensions.get(name);
            if (known === undefined) return shownIn(schema.core, core, name, value);
            const { extension, view } = known;
            return isObject(value)
              ? nonEmpty(filterEntries(value, (inner, part) => shownIn(extension, view, inner, part)))
              : undefined;
          }),
    withWritten: (written) => projectionOf(schema, { ...wish, written: [...wish.written, ...written] }),
  };
}

/** Whether a schema has attributes that are not returned by default. */
function holdsBack({ attributes }: Pick<Schema, "attributes">): boolean {
  return [...attributes.values()].some(
    (attribute) => attribute.returned === "never" || attribute.returned === "request" || holdsBack(partsOf(attribute)),
  );
}

function partsOf({ subAttributes }: Attribute): Pick<Schema, "attributes"> {
  return { attributes: subAttributes };
}

function viewOf({ kind, named, written }: Wish, urn: string | undefined): View {
  return { kind, named: selectionOf(named, urn), written: selectionOf(written, urn) };
}

function selectionOf(names: readonly Named[], urn: string | undefined): Selection {
  const attributes = new Map<string, { whole: boolean; parts: Set<string> }>();
  const ofSchema = names.filter((name) => name.urn === urn);
  for (const { attribute, sub } of ofSchema) {
    if (attribute === undefined) continue;
    const known = attributes.get(attribute.name) ?? { whole: false, parts: new Set<string>() };
    attributes.set(attribute.name, known);
    if (sub === undefined) known.whole = true;
    else known.parts.add(sub.name);
  }
  return { whole: ofSchema.some(({ attribute }) => attribute === undefined), attributes };
}

function shownIn({ attributes }: Schema, view: View, name: string, value: Json): Json | undefined {
  const attribute = attributes.get(name.toLowerCase());
  return attribute === undefined || !isShown(attribute, view) ? undefined : shownParts(attribute, view, value);
}

/** Whether an attribute is shown, or a part of it (RFC 7643 §7 `returned`). */
function isShown(attribute: Attribute, { kind, named, written }: View): boolean {
  const wish = named.attributes.get(attribute.name);
  switch (attribute.returned) {
    case "always":
      return true;
    case "never":
      return false;
    case "request":
      return (kind === "only" && wish !== undefined) || written.attributes.has(attribute.name);
    case "default":
      if (kind === "only") return named.whole || wish !== undefined;
      return kind === "default" || !(named.whole || wish?.whole === true);
  }
}

function shownParts(attribute: Attribute, view: View, value: Json): Json | undefined {
  const wish = view.named.attributes.get(attribute.name);
  // Most values are shown as they are, however many elements they have.
  const namesParts = wish !== undefined && wish.parts.size > 0;
  if (!namesParts && !holdsBack(partsOf(attribute))) return value;
  const write = view.written.attributes.get(attribute.name);
  const isNamed = (sub: Attribute): boolean => wish?.parts.has(sub.name) ?? false;
  // Where parts are named and not the whole, the others stay away.
  const onlyParts = view.kind === "only" && wish !== undefined && !wish.whole && !view.named.whole;
  const keeps = (sub: Attribute): boolean => {
    if (sub.returned === "always" || sub.returned === "never") return sub.returned === "always";
    if (sub.returned === "request")
      return (view.kind === "only" && isNamed(sub)) || write?.whole === true || (write?.parts.has(sub.name) ?? false);
    return onlyParts ? isNamed(sub) : view.kind !== "without" || !isNamed(sub);
  };
  const kept = (element: JsonObject): JsonObject =>
    filterEntries(element, (name, part) => {
      const sub = attribute.subAttributes.get(name.toLowerCase());
      return sub !== undefined && keeps(sub) ? part : undefined;
    });
  return onElements(value, kept);
}

function onElements(value: Json, change: (element: JsonObject) => JsonObject): Json | undefined {
  if (isObject(value)) return nonEmpty(change(value));
  if (!isArray(value)) return undefined;
  const elements = value
    .filter(isObject)
    .map(change)
    .filter((element) => Object.keys(element).length > 0);
  return elements.length === 0 ? undefined : elements;
}

function filterEntries(object: JsonObject, keep: (name: string, value: Json) => Json | undefined): JsonObject {
  const kept: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(object)) {
    const part = keep(name, value);
    if (part !== undefined) kept[name] = part;
  }
  return kept;
}

function nonEmpty(object: JsonObject): JsonObject | undefined {
  return Object.keys(object).length === 0 ? undefined : object;
}
