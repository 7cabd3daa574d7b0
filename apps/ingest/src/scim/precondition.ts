import { DirectoryError } from "@rollcall/core/domain";

/** The headers that a write can be conditional by. */
export type Conditions = {
  readonly "if-match"?: string | undefined;
  readonly "if-none-match"?: string | undefined;
};

/** A resource's tags: the one it has by itself, and the one that its memberships are in, which cost a look. */
export type ResourceTags = { readonly own: string; readonly whole: () => Promise<string> };

/** What a write waits for; undefined where it waits for nothing, and the resource need not be looked at first. */
export function conditionIn(headers: Conditions): string | undefined {
  return headers["if-match"] ?? headers["if-none-match"];
}

/**
 * Throws `version_conflict` where `If-Match` names other versions of the resource, or `If-None-Match`
 * this one (RFC 7644 §3.14; RFC 9110 §13.1.1, §13.1.2). Either of its tags names it: who read it
 * without its memberships is not held to them, and who read it with them is.
 */
export async function requireConditions(headers: Conditions, tags: ResourceTags): Promise<void> {
  const ifMatch = headers["if-match"];
  if (ifMatch !== undefined && !(await isNamed(ifMatch, tags)))
    throw new DirectoryError("version_conflict", "the resource has changed since the version in If-Match");
  const ifNoneMatch = headers["if-none-match"];
  if (ifNoneMatch !== undefined && (await isNamed(ifNoneMatch, tags)))
    throw new DirectoryError("version_conflict", "the resource is the one that If-None-Match excludes");
}

/** Whether `If-None-Match` names this tag, so that a body would say nothing new. */
export function isKnown(ifNoneMatch: string | undefined, tag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  const named = tagsIn(ifNoneMatch);
  return named === "any" || named.has(opaque(tag));
}

async function isNamed(header: string, { own, whole }: ResourceTags): Promise<boolean> {
  const named = tagsIn(header);
  if (named === "any" || named.has(opaque(own))) return true;
  // A tag with a digest begins as the one without it.
  const mayBeWhole = [...named].some((tag) => tag.startsWith(`${opaque(own)}-`));
  return mayBeWhole && named.has(opaque(await whole()));
}

const oneTag = /[ \t]*(?:W\/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*(?:,|$)|[ \t]*,/gy;

/** The opaque parts of the tags: weak comparison, as RFC 7644 uses weak tags for both headers. What is no list of tags names nothing. */
function tagsIn(header: string): "any" | ReadonlySet<string> {
  if (header.trim() === "*") return "any";
  const named = new Set<string>();
  let end = 0;
  for (const match of header.matchAll(oneTag)) {
    end = match.index + match[0].length;
    if (match[1] !== undefined) named.add(match[1]);
  }
  return end === header.length ? named : new Set();
}

function opaque(tag: string): string {
  return tag.replace(/^W\//, "").slice(1, -1);
}
