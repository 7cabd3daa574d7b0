import type { Comparison, Filter } from "@rollcall/core/domain";
import type { Path } from "../../apps/ingest/src/scim/path.ts";

/** A filter as text that means the same. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case "compare":
      return printComparison(filter);
    case "present":
      return `${filter.path} pr`;
    case "not":
      return `not (${printFilter(filter.term)})`;
    case "and":
    case "or":
      return filter.terms.map(printTerm).join(` ${filter.kind} `);
    case "element": {
      const rest = filter.rest === undefined ? "" : `.${printComparison(filter.rest)}`;
      return `${filter.path}[${printFilter(filter.term)}]${rest}`;
    }
  }
}

/** A path as text that leads to the same place. */
export function printPath(path: Path): string {
  if (path.attribute === undefined) return path.urn ?? "urn:ietf:params:scim:schemas:core:2.0:User";
  const name = path.urn === undefined ? path.attribute.name : `${path.urn}:${path.attribute.name}`;
  const brackets = path.filter === undefined ? "" : `[${printFilter(path.filter)}]`;
  return `${name}${brackets}${path.sub === undefined ? "" : `.${path.sub.name}`}`;
}

function printComparison({ path, operator, value }: Comparison): string {
  return `${path} ${operator} ${JSON.stringify(value)}`;
}

function printTerm(term: Filter): string {
  const text = printFilter(term);
  return term.kind === "and" || term.kind === "or" ? `(${text})` : text;
}
