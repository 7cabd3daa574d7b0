import type { EntryHolding } from "./revocation-content.ts";
import type { RevocationEntry, RevocationsOptions } from "./revocations.ts";
import { createRunningDigest } from "./running-digest.ts";
import { plainNaming } from "./subject-naming.ts";

export type HeldEntries = EntryHolding & { readonly all: () => Iterable<RevocationEntry> };

/** The feed's live entries as they came, for whoever has to hand them on. A guard needs a tenth of the memory. */
export function createHeldEntries({ naming = plainNaming }: RevocationsOptions = {}): HeldEntries {
  const entries = new Map<string, RevocationEntry>();
  const digest = createRunningDigest();
  return {
    apply: (entry) => {
      const key = JSON.stringify([entry.scope, entry.iss, entry.sub, entry.tid ?? null]);
      const before = entries.get(key);
      if (before !== undefined) digest.remove(before);
      if (entry.op === "allow" && entry.nbf === undefined) {
        entries.delete(key);
        return;
      }
      digest.add(entry);
      entries.set(key, entry);
    },
    naming,
    size: () => entries.size,
    digest: digest.text,
    all: () => entries.values(),
  };
}
