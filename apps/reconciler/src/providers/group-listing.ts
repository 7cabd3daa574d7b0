import { type LinkedPage, linkedPages } from "./listing.ts";
import type { ProviderGroup } from "./provider.ts";

/** A group as it is listed, before anybody has asked who is in it. */
export type NamedGroup = { readonly id: string; readonly displayName: string };

/** So many groups are asked about at once; the pace of the provider's client does the rest. */
const readAtOnce = 20;

/**
 * Lists groups and asks about each who is in it: the providers answer that apart. `readMembers` answers a page of
 * ids, without those who are neither user nor group. A group that is gone by then makes the listing incomplete.
 */
export async function* groupsWithMembers(
  readGroups: (next: string | undefined) => Promise<LinkedPage<NamedGroup>>,
  readMembers: (groupId: string, next: string | undefined) => Promise<LinkedPage<{ readonly id: string }>>,
  /** Puts people in the place of a member that stands for several. */
  expand: (ids: readonly string[]) => Promise<readonly string[]> = async (ids) => ids,
): AsyncGenerator<readonly ProviderGroup[]> {
  for await (const page of linkedPages(readGroups))
    for (let from = 0; from < page.length; from += readAtOnce)
      yield await Promise.all(
        page.slice(from, from + readAtOnce).map(async ({ id, displayName }) => ({
          id,
          attributes: { displayName, externalId: id },
          members: await expand(await allIds((next) => readMembers(id, next))),
        })),
      );
}

async function allIds(
  read: (next: string | undefined) => Promise<LinkedPage<{ readonly id: string }>>,
): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const page of linkedPages(read)) ids.push(...page.map(({ id }) => id));
  return ids;
}
