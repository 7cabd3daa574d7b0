/** RFC 7644 §3.4.2.2, parsed. Attribute paths are canonical: `userName`, `emails.value`, `<urn>:department`. */
export type Filter =
  | { readonly kind: "compare"; readonly path: string; readonly operator: CompareOperator; readonly value: FilterValue }
  | { readonly kind: "present"; readonly path: string }
  | { readonly kind: "and"; readonly terms: readonly Filter[] }
  | { readonly kind: "or"; readonly terms: readonly Filter[] }
  | { readonly kind: "not"; readonly term: Filter }
  /** `emails[type eq "work"]`, where the inner paths are relative; `path.rest` after the bracket is in `rest`. */
  | {
      readonly kind: "element";
      readonly path: string;
      readonly term: Filter;
      readonly rest?: { readonly path: string; readonly operator: CompareOperator; readonly value: FilterValue };
    };

export type CompareOperator = "eq" | "ne" | "co" | "sw" | "ew" | "gt" | "ge" | "lt" | "le";
export type FilterValue = string | number | boolean | null;
