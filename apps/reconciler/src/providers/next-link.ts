import { ProviderFailure } from "./provider.ts";

/** The link to the next page in a Link header (RFC 8288 §3); undefined where there is none. */
export function nextLink(header: string | undefined, from: URL): string | undefined {
  if (header === undefined) return undefined;
  const links = [...header.matchAll(/<([^<>]*)>((?:\s*;\s*[\w*!#$&+.^`|~-]+(?:\s*=\s*(?:"[^"]*"|[^\s";,]+))?)*)/g)];
  const next = links.filter(([, , parameters = ""]) =>
    /;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next)(?=\s*(?:;|$))/i.test(parameters),
  );
  // A header that names a next page in a way that is not understood must not end the listing.
  if (next.length !== 1 && /\bnext\b/i.test(header.replaceAll(/<[^<>]*>/g, "")))
    throw new ProviderFailure("malformed", "its link to the next page cannot be read");
  const [first] = next;
  if (first === undefined) return undefined;
  const [, target = ""] = first;
  if (!URL.canParse(target, from.href)) throw new ProviderFailure("malformed", "its link to the next page is no URL");
  return new URL(target, from).href;
}
