import type { Mutant } from "./mutant.ts";

const store = "apps/core/src/store";
const queue = "apps/core/src/queue";

/** Mistakes while something is gone, or full, or breaks: who is blamed, who goes with it, and who has to wait. */
export const outageMutants: readonly Mutant[] = [
  {
    name: "an outage is told as what came behind it, and blamed on the events",
    file: `${store}/database.ts`,
    changes: [{ from: "throw failure ?? error;", to: "throw error;" }],
    caughtBy: { file: "one-round-trip", test: "are told of the failure of the first" },
  },
  {
    name: "a failure that was undone is told for ever",
    file: `${store}/database.ts`,
    changes: [{ from: "if (!isRefusedBehind(error)) failure = error;", to: "failure ??= error;" }],
    caughtBy: { file: "one-round-trip", test: "are told of their own failure once an earlier one was undone" },
  },
  {
    name: "a connection for notifications that ends as it is made takes the process with it",
    file: `${queue}/postgres-backend.ts`,
    changes: [{ from: "backend.connection.pgModule = { Client: ListenedClient };", to: "" }],
    caughtBy: { file: "ended-connections", test: "takes nothing with it, and works once they last" },
  },
  {
    name: "a feed that cannot be published keeps all others waiting",
    file: "apps/reconciler/src/publisher.ts",
    changes: [{ from: "if (error instanceof Fenced) throw error;", to: "throw error;" }],
    caughtBy: { file: "fence", test: "keeps no other waiting, nor that of all tenants" },
  },
];
