import type { Marks, Subject } from "./decision.ts";
import { createFingerprinter, type Fingerprint } from "./fingerprint.ts";
import type { SubjectNaming } from "./subject-naming.ts";
import type { Scope } from "./wire.ts";

/** Scopes whose keys are looked up. An issuer's own entries are few, and strike whatever they name. */
export type KeyedScope = Exclude<Scope, "iss">;

/** One thing about a token that an entry can name: its value in a scope, of any tenant or of its own alone. */
export type Lookup = { readonly index: number; readonly scope: KeyedScope; readonly inTenant: boolean };

export type Marker = {
  /** The fingerprint of an entry's key. */
  readonly ofKey: (lookup: Lookup, iss: string, value: string, tenant: string | undefined) => Fingerprint;
  /** The fingerprint that an entry would have which names this of the token; undefined where the token has none. Remembered with the token. */
  readonly ofSubject: (lookup: Lookup, subject: Subject) => Fingerprint | undefined;
};

const [issuerLabel, tenantLabel, firstLabel] = [0, 1, 2] as const;

/** Users first: they are what nearly every entry names. */
export const lookups = (
  [
    ["sub", false],
    ["sub", true],
    ["sid", false],
    ["sid", true],
    ["jti", false],
    ["jti", true],
    ["tenant", false],
  ] as const
).map(([scope, inTenant], index): Lookup => ({ index, scope, inTenant }));

const userLookup = lookupOf("sub", false);

export function lookupOf(scope: KeyedScope, inTenant: boolean): Lookup {
  const found = lookups.find((lookup) => lookup.scope === scope && lookup.inTenant === inTenant);
  if (found === undefined) throw new Error(`no entry of scope ${scope} is of one tenant alone`);
  return found;
}

/** Marks keys and tokens alike, under a secret of its own. */
export function createMarker(naming: SubjectNaming): Marker {
  const print = createFingerprinter();
  const self = {};

  const ofKey = (lookup: Lookup, iss: string, value: string, tenant: string | undefined): Fingerprint => {
    const issuer = print(iss, issuerLabel);
    const after = lookup.inTenant ? print(tenant ?? "", tenantLabel, issuer) : issuer;
    return print(value, firstLabel + lookup.index, after);
  };
  const compute = (lookup: Lookup, subject: Subject): Fingerprint | undefined => {
    const { scope, inTenant } = lookup;
    const value = scope === "sub" ? subject.subKey : subject[scope];
    if (value === undefined || (inTenant && subject.tenant === undefined)) return undefined;
    return ofKey(lookup, subject.iss, scope === "tenant" ? value : naming(subject.iss, value), subject.tenant);
  };

  const marksOf = (subject: Subject): Marks => {
    const { marks } = subject;
    if (marks?.of === self) return marks;
    const { lo, hi } = ofKey(userLookup, subject.iss, naming(subject.iss, subject.subKey), undefined);
    const fresh: Marks = { lo, hi, of: self, others: [] };
    subject.marks = fresh;
    return fresh;
  };

  return {
    ofKey,
    ofSubject: (lookup, subject) => {
      const marks = marksOf(subject);
      return lookup === userLookup ? marks : (marks.others[lookup.index] ??= compute(lookup, subject));
    },
  };
}
