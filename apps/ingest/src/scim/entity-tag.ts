import { hash } from "node:crypto";
import type { JsonObject } from "@rollcall/core/domain";

/** What a resource's tags are made of beside what it is shown with. */
export type Tagged = {
  readonly version: number;
  /** The version of the schemas by which it is shown: without one of them it is another representation. */
  readonly schemasVersion: number;
};

/**
 * The weak tag of a representation (RFC 7644 §3.14). The version counts changes of the resource
 * itself. Memberships are edges and change without it, so where they are shown the tag holds a digest
 * of them: a cached answer never outlives a membership, and no membership costs a write to its user.
 * Shown without them, the resource has the tag without the digest.
 */
export function entityTag({ version, schemasVersion }: Tagged, edges: readonly JsonObject[] = []): string {
  const own = schemasVersion === 0 ? String(version) : `${version}.${schemasVersion}`;
  return edges.length === 0 ? `W/"${own}"` : `W/"${own}-${digestOf(edges)}"`;
}

// Their `$ref` follows from the rest, and would make most of what is digested of a large group.
function digestOf(edges: readonly JsonObject[]): string {
  const told = edges.map(({ value = null, display = null, type = null }) => [value, display, type]);
  return hash("sha256", JSON.stringify(told), "base64url").slice(0, 22);
}
