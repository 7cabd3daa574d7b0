import type { Mutant } from "./mutant.ts";

const egress = "apps/feed/src/egress";
const store = "apps/core/src/store";

/** Mistakes on the way to applications: what is lost, what overtakes, and what somebody else is told. */
export const egressMutants: readonly Mutant[] = [
  {
    name: "a message is settled before its receiver has answered",
    file: `${egress}/deliverer.ts`,
    changes: [
      {
        from: "const outcome = await attempt(sender, tenantId, subscriptionId, destination, delivery);",
        to: "await settleDelivered(database, tenantId, subscriptionId, delivery.id, 202); const outcome = await attempt(sender, tenantId, subscriptionId, destination, delivery);",
      },
    ],
    caughtBy: { file: "application-outage", test: "is told everything after it" },
  },
  {
    name: "a subject's later message does not wait for its earlier",
    file: `${store}/deliveries.ts`,
    changes: [
      { from: "earlier.subject_key = own.subject_key AND", to: "earlier.subject_key = own.subject_key AND false AND" },
      { from: "earlier.user_key = own.user_key AND", to: "earlier.user_key = own.user_key AND false AND" },
    ],
    caughtBy: { file: "application-outage", test: "and nobody's later before their earlier" },
  },
  {
    name: "a stream is found whoever's it is",
    file: `${store}/subscriptions.ts`,
    changes: [{ from: "AND receiver = ${scope.receiver}", to: "AND ${scope.receiver}::text IS NOT NULL" }],
    caughtBy: { file: "application-trust", test: "finds no stream of another receiver's" },
  },
  {
    name: "the receivers of two tenants are one audience",
    file: `${egress}/security-event-token.ts`,
    changes: [{ from: "/ssf/receivers/${tenantId}/", to: "/ssf/receivers/" }],
    caughtBy: { file: "application-trust", test: "is told nothing of another's" },
  },
  {
    name: "a name is judged, and not where it leads",
    file: "apps/core/src/runtime/outward.ts",
    changes: [
      {
        from: "if (!found.every(({ address }) => reach.mayConnect(address, hostname, isPlain)))",
        to: "if (isPlain && !found.every(({ address }) => reach.mayConnect(address, hostname, isPlain)))",
      },
    ],
    caughtBy: { file: "application-addresses", test: "one of its addresses is in a private network" },
  },
];
