import { DirectoryError, type Filter } from "@rollcall/core/domain";
import { parseElementFilter } from "./filter.ts";
import { type Attribute, type Resolved, type ResourceSchema, resolve } from "./schema.ts";

/** One place in a resource: an attribute, perhaps some of its elements, perhaps one of their parts. */
export type Target = {
  /** The extension the attribute belongs to; undefined for the core schema. */
  readonly urn: string | undefined;
  readonly attribute: Attribute;
  readonly filter: Filter | undefined;
  readonly sub: Attribute | undefined;
};

/** A target, or a schema as a whole where the path is a URN alone. */
export type Path = Target | { readonly urn: string | undefined; readonly attribute: undefined };

const lengthMax = 8 * 1024;

/**
 * Parses a PATCH path (RFC 7644 §3.5.2): `active`, `name.givenName`, `<urn>:department`,
 * `emails[type eq "work"].value`. Undefined where it names what the schema does not know. Throws
 * `path_invalid` for a path that can be none, and `filter_invalid`.
 */
export function parsePath(schema: ResourceSchema, written: string): Path | undefined {
  if (written.length > lengthMax)
    throw new DirectoryError("path_invalid", `path is longer than ${lengthMax} characters`);
  const text = written.trim();
  const bracket = text.indexOf("[");
  if (bracket === -1) return plainPath(resolve(schema, text));

  const resolved = resolve(schema, text.slice(0, bracket));
  const attribute = resolved?.attribute;
  if (resolved === undefined || attribute === undefined || resolved.sub !== undefined) return undefined;
  if (!attribute.multiValued || attribute.type !== "complex") {
    throw new DirectoryError("path_invalid", `${attribute.name} has no elements to select by [ ]`);
  }
  const { filter, end } = parseElementFilter(attribute, text, bracket + 1);
  if (end === text.length) return { urn: resolved.urn, attribute, filter, sub: undefined };
  if (text[end] !== ".") throw unknownPath(text);
  const sub = attribute.subAttributes.get(text.slice(end + 1).toLowerCase());
  return sub && { urn: resolved.urn, attribute, filter, sub };
}

/** The refusal that names a path the schema does not know. */
export function unknownPath(path: string): DirectoryError {
  return new DirectoryError("path_invalid", `unknown attribute ${JSON.stringify(path.slice(0, 120))}`);
}

function plainPath(resolved: Resolved | undefined): Path | undefined {
  if (resolved === undefined) return undefined;
  const { urn, attribute, sub } = resolved;
  return attribute === undefined ? { urn, attribute } : { urn, attribute, filter: undefined, sub };
}
