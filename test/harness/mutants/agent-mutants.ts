import type { Mutant } from "./mutant.ts";

/** Mistakes by which a gateway would believe to have what it has not. */
export const agentMutants: readonly Mutant[] = [
  {
    name: "the state speaks of revocations that OPA has not taken into use",
    file: "apps/cli/src/agent/opa-bundles.ts",
    changes: [{ from: "confirmed !== made.bundle.tag || isDirty", to: "isDirty" }],
    caughtBy: { file: "opa", test: "the state speaks of revocations only once" },
  },
];
