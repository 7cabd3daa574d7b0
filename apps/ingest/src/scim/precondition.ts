import { DirectoryError } from "@rollcall/core/domain";
import { etagOf } from "./resource.ts";

/** Throws `version_conflict` where `If-Match` names other versions (RFC 7644 §3.14, RFC 9110 §13.1.1). */
export function requireMatch(ifMatch: string | undefined, version: number): void {
  if (ifMatch !== undefined && !names(ifMatch, version)) {
    throw new DirectoryError("version_conflict", "the resource has changed since the version in If-Match");
  }
}

/** Whether `If-None-Match` names this version, so that a body would say nothing new. */
export function isKnown(ifNoneMatch: string | undefined, version: number): boolean {
  return ifNoneMatch !== undefined && names(ifNoneMatch, version);
}

// Weak comparison: RFC 7644 uses weak tags for both headers.
function names(header: string, version: number): boolean {
  if (header.trim() === "*") return true;
  const wanted = etagOf(version).slice(2);
  return header.split(",").some((tag) => tag.trim().replace(/^W\//, "") === wanted);
}
