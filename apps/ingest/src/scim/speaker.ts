import { type DialectProfile, dialectProfiles } from "@rollcall/core/domain";

/** How one sender is read, and who is told of the names that are passed over. */
export type Speaker = { readonly profile: DialectProfile; readonly passOver: (name: string) => void };

/** A sender of whom nothing is known. */
export const anybody: Speaker = { profile: dialectProfiles.scim, passOver: () => undefined };

/** Listens to one request of a sender, and keeps the names that are passed over. */
export function listenTo(profile: DialectProfile): { readonly speaker: Speaker; readonly names: readonly string[] } {
  const names: string[] = [];
  return { speaker: { profile, passOver: (name) => void names.push(name) }, names };
}
