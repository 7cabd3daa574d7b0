import type { Mutant } from "./mutant.ts";

const counts = "apps/core/src/store/directory-counts.ts";
const busy = "a list says how many there are while 32 writers create, delete and revive, and others fold";

/** Mistakes that a list's reader would not see for long. */
export const listMutants: readonly Mutant[] = [
  {
    name: "a count forgets what nobody has folded yet",
    file: counts,
    changes: [{ from: "UNION ALL SELECT change FROM directory_count_change WHERE ${which}", to: "" }],
    caughtBy: { file: "counts", test: "a writer waits for no other" },
  },
  {
    name: "folding forgets what was folded before",
    file: counts,
    changes: [{ from: "SET living = count.living + excluded.living", to: "SET living = excluded.living" }],
    caughtBy: { file: "counts", test: busy },
  },
];
