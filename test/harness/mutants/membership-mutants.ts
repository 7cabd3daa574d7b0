import type { Mutant } from "./mutant.ts";

const store = "apps/core/src/store";

/** Mistakes in the locks and the order that keep memberships right while many write. */
export const membershipMutants: readonly Mutant[] = [
  {
    name: "who parks somebody does not wait for who arrives, and is not waited for",
    file: `${store}/membership-edges.ts`,
    changes: [
      {
        from: "SELECT rollcall_lock_names(${connectionId}, ${unknown}::text[])",
        to: "SELECT ${connectionId}::uuid, cardinality(${unknown}::text[])",
      },
    ],
    caughtBy: { file: "parked", test: "in which a group parks it is in the group" },
  },
  {
    name: "who was not found is not looked for again behind the lock",
    file: `${store}/membership-edges.ts`,
    changes: [{ from: "return new Map([...named, ...late]);", to: "return known;" }],
    caughtBy: { file: "parked", test: "its creation is not committed is in the group" },
  },
  {
    name: "who is waited for joins by its first name alone",
    file: `${store}/user-statements.ts`,
    changes: [
      { from: "WHERE CASE WHEN ${externalId}::text <> coalesce(before.external_id, '')", to: "WHERE CASE WHEN false" },
    ],
    caughtBy: { file: "parked", test: "joins when its user is given the externalId by PATCH" },
  },
  {
    name: "changes of one group do not queue",
    file: `${store}/group-directory.ts`,
    changes: [{ from: "sql`FOR NO KEY UPDATE`", to: "sql``" }],
    caughtBy: {
      file: "membership-concurrency",
      test: "with the queue on postgres > ends as if the changes had come one after the other: seed 1",
    },
  },
  {
    name: "a group is passed on by its first piece alone",
    file: "apps/worker/src/drain.ts",
    changes: [{ from: "unfinished.includes(id) ? [] : [id]", to: "unfinished.includes(id) ? [id] : [id]" }],
    caughtBy: { file: "nested-groups", test: "costs the request that puts it there one event" },
  },
  {
    name: "a nested group ends without a word to its members",
    file: `${store}/group-expansion.ts`,
    changes: [{ from: "WHERE dead.was_nested AND gone.kind IS NOT NULL", to: "WHERE false" }],
    caughtBy: { file: "nested-groups", test: "that is deleted takes its users out of everything around it" },
  },
  {
    name: "a group's end passes for an earlier change of the same request",
    file: `${store}/group-expansion.ts`,
    changes: [{ from: "*, id::text AS origin", to: "*, split_part(source_event_id, ':', 1) AS origin" }],
    caughtBy: { file: "nested-order", test: "that ends before its last change is applied" },
  },
  {
    name: "groups are looked for one level up alone",
    file: `${store}/nesting.ts`,
    changes: [{ from: "WHERE member_id = around.group_id", to: "WHERE member_id = around.base" }],
    caughtBy: { file: "nested-groups", test: "brings in whoever was in it before" },
  },
  {
    name: "users and groups are applied in one transaction",
    file: "apps/worker/src/drain.ts",
    changes: [
      {
        from: "ofOneKind(await takeSome(transaction, drainer.batchMax))",
        to: "await takeSome(transaction, drainer.batchMax)",
      },
    ],
    caughtBy: { file: "lanes-together", test: "never wait for each other in a circle" },
  },
  {
    name: "a denial waits for the turn of its lane",
    file: "apps/worker/src/worker.ts",
    changes: [{ from: "startDenialSweep(createDenialDrain(options), log),", to: "" }],
    caughtBy: { file: "denial-first", test: "does not wait for the turn of its lane" },
  },
];
