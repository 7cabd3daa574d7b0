/**
 * RFC 7644 §3.4.2.2, parsed. Attribute paths are canonical: `userName`, `emails.value`,
 * `<urn>:department`. An "and" of nothing holds for everybody, an "or" of nothing for nobody.
 */
export type Filter =
  | ({ readonly kind: "compare" } & Comparison)
  | { readonly kind: "present"; readonly path: string }
  | { readonly kind: "and"; readonly terms: readonly Filter[] }
  | { readonly kind: "or"; readonly terms: readonly Filter[] }
  | { readonly kind: "not"; readonly term: Filter }
  /** `emails[type eq "work"]`, where the inner paths are relative; `path.rest` after the bracket is in `rest`. */
  | { readonly kind: "element"; readonly path: string; readonly term: Filter; readonly rest?: Comparison };

export type Comparison = {
  readonly path: string;
  readonly operator: CompareOperator;
  readonly value: FilterValue;
  readonly as: ComparedAs;
};

export type CompareOperator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";
export type FilterValue = string | number | boolean | null;

/** How two values are held against each other, by the attribute's type and `caseExact` (RFC 7643 §2.2, §2.3). */
export type ComparedAs = "folded" | "exact" | "time" | "number" | "boolean";
