import { DirectoryError, type Json } from "@rollcall/core/domain";
import { isArray } from "./same-json.ts";

/** Throws `syntax_invalid` where a body says that it is another message than the one expected (RFC 7644 §3.1); it may say nothing. */
export function requireMessage(schemas: Json | undefined, name: "BulkRequest" | "SearchRequest"): void {
  const expected = `urn:ietf:params:scim:api:messages:2.0:${name}`.toLowerCase();
  const isExpected = (urn: Json): boolean => typeof urn === "string" && urn.toLowerCase() === expected;
  if (schemas !== undefined && !(isArray(schemas) && schemas.some(isExpected))) {
    throw new DirectoryError("syntax_invalid", `schemas must name the ${name} message`);
  }
}
