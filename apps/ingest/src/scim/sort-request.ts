import { type ComparedAs, DirectoryError, type ResourceKind } from "@rollcall/core/domain";
import { comparedAs } from "./filter-literal.ts";
import { type Attribute, canonicalPath, type ResourceSchema, resolveForFilter } from "./schema.ts";

/** What a list is sorted by; a kind without a path has no such attribute, and so no value for it. */
export type SortRequest = {
  readonly as: ComparedAs;
  readonly descending: boolean;
  readonly paths: ReadonlyMap<ResourceKind, string>;
};

type Found = { readonly kind: ResourceKind; readonly path: string; readonly as: ComparedAs };

/** Reads `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3). Throws `value_invalid`. */
export function readSort(
  schemas: readonly ResourceSchema[],
  sortBy: string | undefined,
  sortOrder: string | undefined,
): SortRequest | undefined {
  const descending = isDescending(sortOrder);
  const name = sortBy?.trim() ?? "";
  if (name === "") return undefined;

  const found = schemas.flatMap((schema) => find(schema, name) ?? []);
  const [first] = found;
  if (first === undefined) throw new DirectoryError("value_invalid", `sortBy: unknown attribute ${shortened(name)}`);
  // Where two kinds mean different things by one name, the first decides what is compared.
  const alike = found.filter(({ as }) => as === first.as);
  return { as: first.as, descending, paths: new Map(alike.map(({ kind, path }) => [kind, path])) };
}

function find(schema: ResourceSchema, name: string): Found | undefined {
  const resolved = resolveForFilter(schema, name);
  const attribute = resolved?.sub ?? resolved?.attribute;
  if (resolved === undefined || attribute === undefined) return undefined;
  const path = canonicalPath(resolved);
  if (attribute.type !== "complex") return { kind: schema.resourceType, path, as: comparedAs(attribute) };
  const value = valueOf(attribute);
  return { kind: schema.resourceType, path: `${path}.value`, as: comparedAs(value) };
}

// "If the attribute is complex, the attribute name must be a path to a sub-attribute", and of a
// multi-valued one the `value` is meant.
function valueOf(attribute: Attribute): Attribute {
  const value = attribute.subAttributes.get("value");
  if (value !== undefined) return value;
  throw new DirectoryError("value_invalid", `sortBy: ${attribute.name} has parts; name one of its sub-attributes`);
}

function isDescending(order: string | undefined): boolean {
  switch (order?.toLowerCase()) {
    case undefined:
    case "":
    case "ascending":
      return false;
    case "descending":
      return true;
    default:
      throw new DirectoryError("value_invalid", 'sortOrder must be "ascending" or "descending"');
  }
}

function shortened(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
