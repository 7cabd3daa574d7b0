import type { UserAttributes } from "./directory.ts";
import type { PullDifferenceKind } from "./pull.ts";
import type { ReadBackDecision } from "./read-back-decision.ts";

/** What a listing that ended without a failure looks like as a whole. */
export type ListingFacts = {
  /** How many users it had in it, each once. */
  readonly listed: number;
  /** Living users whom the directory had when it began. */
  readonly living: number;
  /** How many of those were in it. */
  readonly known: number;
  /** How many of those have the name of somebody in it. */
  readonly named: number;
  /** How long it took, from before its first page. */
  readonly tookMs: number;
};

/** Where the directory has so many and a listing has none of them, it is a listing of others; of fewer, everybody may have left. */
const strangersMin = 5;
/** So long after its first page a listing is no word about now any more: nothing follows from it, in either direction. */
export const listingMsMax = 24 * 3_600_000;

/** Why a listing is not believed, though each of its pages was; undefined where it is. */
export function doubtOf({ listed, living, known, named, tookMs }: ListingFacts): string | undefined {
  if (listed === 0 && living > 0) return `it listed nobody, and the directory has ${living} of its users`;
  if (known === 0 && (living >= strangersMin || named > 0))
    return `none of the ${living} users here is among the ${listed} that it listed: see the provider's settings, idAttribute above all`;
  if (tookMs > listingMsMax) return "it took longer than a day from its first page to its last";
  return undefined;
}

/** A living subject that was not in a complete listing, as the directory has it. */
export type MissingSubject = {
  readonly createdAt: Date;
  /** When anything was last said of it. */
  readonly saidAt: Date;
  /** When the complete listing before this one began, where it was not in that one either. */
  readonly missingSince: Date | undefined;
};

/**
 * What follows for a subject that a complete listing has left out. Nothing, where the directory got it or heard
 * of it after the listing began: then the listing is older. Else it is missing once, and gone with the second time.
 */
export function decideMissing(
  { createdAt, saidAt, missingSince }: MissingSubject,
  askedAt: Date,
): "newer" | "missing" | "gone" {
  if (createdAt >= askedAt || saidAt >= askedAt) return "newer";
  return missingSince !== undefined && createdAt < missingSince && missingSince < askedAt ? "gone" : "missing";
}

/** What a decision about somebody who was listed comes to, before it is written; undefined where nothing differs. */
export function pullDifferenceOf(
  { write }: ReadBackDecision,
  held: { readonly attributes: UserAttributes; readonly deleted: boolean } | undefined,
  isSame: (one: UserAttributes, other: UserAttributes) => boolean,
): { readonly kind: PullDifferenceKind; readonly names: readonly string[] } | undefined {
  if (write === undefined || write.kind === "confirm" || write.kind === "delete") return undefined;
  if (held === undefined) return { kind: "new", names: [] };
  if (held.deleted) return { kind: "let_in", names: [] };
  if (isSame(write.attributes, held.attributes)) return undefined;
  const names = changedNames(held.attributes, write.attributes, isSame);
  if (held.attributes.active === write.attributes.active) return { kind: "attributes", names };
  return { kind: write.attributes.active ? "let_in" : "shut_out", names };
}

function changedNames(
  held: UserAttributes,
  wanted: UserAttributes,
  isSame: (one: UserAttributes, other: UserAttributes) => boolean,
): readonly string[] {
  const only = (attributes: UserAttributes, name: string) => ({ [name]: attributes[name] ?? null }) as UserAttributes;
  return Object.keys(wanted).filter((name) => !isSame(only(held, name), only(wanted, name)));
}
