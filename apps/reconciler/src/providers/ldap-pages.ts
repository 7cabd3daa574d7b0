import type { LdapEntry, LdapSearch, LdapSession } from "./ldap-session.ts";
import { incomplete } from "./listing.ts";

/**
 * Every page. A page may be empty and still name another (RFC 2696 §3), and the client that reads them ends there:
 * so where the last one was empty, all are counted again in pages of another size, which must end otherwise.
 */
export async function* allPages(
  session: Pick<LdapSession, "pages">,
  base: string,
  search: LdapSearch,
  { pageSize, idName }: { readonly pageSize: number; readonly idName: string },
): AsyncGenerator<readonly LdapEntry[]> {
  let listed = 0;
  let isDoubtful = false;
  for await (const page of session.pages(base, search, pageSize)) {
    isDoubtful = page.length === 0;
    listed += page.length;
    if (page.length > 0) yield page;
  }
  if (!isDoubtful || listed === 0) return;
  let counted = 0;
  for await (const page of session.pages(base, { ...search, attributes: [idName] }, pageSize - 1)) {
    isDoubtful = page.length === 0;
    counted += page.length;
  }
  if (isDoubtful || counted !== listed) throw incomplete(`an empty page ended it after ${listed}`);
}
