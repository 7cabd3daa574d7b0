import type { KeyState } from "./fingerprint-table.ts";

export type IssuerEntries = {
  /** Gives an issuer's entry another state, or none, and returns the one before. */
  readonly replace: (iss: string, name: string, state: KeyState | undefined) => KeyState | undefined;
  /** All entries of an issuer: each strikes all its tokens, whatever its subject is written as. */
  readonly of: (iss: string) => readonly KeyState[];
  readonly size: () => number;
};

const none: readonly KeyState[] = [];

/** The feed's entries for whole issuers. There are few, so they are kept as they are. */
export function createIssuerEntries(): IssuerEntries {
  const issuers = new Map<string, { readonly byName: Map<string, KeyState>; all: readonly KeyState[] }>();
  let size = 0;

  return {
    replace: (iss, name, state) => {
      const entries = issuers.get(iss) ?? { byName: new Map<string, KeyState>(), all: none };
      const before = entries.byName.get(name);
      if (state === undefined) entries.byName.delete(name);
      else entries.byName.set(name, state);
      entries.all = [...entries.byName.values()];
      if (entries.all.length === 0) issuers.delete(iss);
      else issuers.set(iss, entries);
      size += (state === undefined ? 0 : 1) - (before === undefined ? 0 : 1);
      return before;
    },
    of: (iss) => (size === 0 ? none : (issuers.get(iss)?.all ?? none)),
    size: () => size,
  };
}
