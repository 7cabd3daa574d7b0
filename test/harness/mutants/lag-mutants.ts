import type { Mutant } from "./mutant.ts";

const samples = "apps/core/src/store/lag-samples.ts";
const fold = "apps/core/src/store/lag-fold.ts";
const objectives = "apps/core/src/store/objectives.ts";
const hysteresis = "apps/core/src/domain/hysteresis.ts";

/** Mistakes with what is measured: counted twice or never, told as zero, and shouted too early or too often. */
export const lagMutants: readonly Mutant[] = [
  {
    name: "two leaders fold the same events",
    file: fold,
    changes: [
      {
        from: "WHERE stage = 'accepted' AND feed_id = ${noConnectionId} FOR UPDATE",
        to: "WHERE stage = 'accepted' AND feed_id = ${noConnectionId}",
      },
    ],
    caughtBy: { file: "lag", test: "though two do it at the same moment" },
  },
  {
    name: "events are folded up to the highest id that is seen",
    file: fold,
    changes: [{ from: "while (writers.length > 0) {", to: "while (writers.length < 0) {" }],
    caughtBy: { file: "lag", test: "whose commit comes after that of a later one" },
  },
  {
    name: "what took nobody knows how long took no time",
    file: "apps/core/src/domain/lag-histogram.ts",
    changes: [{ from: "bucket !== unknownBucket && count > 0", to: "count > 0" }],
    caughtBy: { file: "lag", test: "with what is unknown beside it and never as zero" },
  },
  {
    name: "what a sender dates after its arrival took no time",
    file: samples,
    changes: [
      {
        from: "CASE WHEN ${to} >= ${from} THEN (extract(epoch FROM ${to} - ${from}) * 1000)::double precision END",
        to: "greatest(0, (extract(epoch FROM ${to} - ${from}) * 1000)::double precision)",
      },
    ],
    caughtBy: { file: "lag", test: "as unknown where it says one that has not come" },
  },
  {
    name: "a stage that stands still shows what passed it last",
    file: "apps/core/src/domain/objective.ts",
    changes: [
      { from: "waitingMs > objective.p99Ms ? waitingMs : undefined", to: "waitingMs < 0 ? waitingMs : undefined" },
    ],
    caughtBy: { file: "lag", test: "a worker that is stuck" },
  },
  {
    name: "who follows all tenants follows none",
    file: fold,
    changes: [{ from: "AND NOT ${isFollowed(sql`${houseFeedId}::uuid`)}", to: "" }],
    caughtBy: { file: "lag", test: "whose gateways follow all tenants, by theirs" },
  },
  {
    name: "a leaver leaves with each denial anew",
    file: samples,
    changes: [
      {
        from: "before.superseded_by = ${entry}.seq AND before.op = 'deny'",
        to: "before.superseded_by = ${entry}.seq AND before.op = 'none'",
      },
    ],
    caughtBy: { file: "overview", test: "who is told to leave twice once" },
  },
  {
    name: "an alert opens at the first look",
    file: hysteresis,
    changes: [
      { from: "return since !== undefined && nowMs - since >= ms;", to: "return since !== undefined && ms > 0;" },
    ],
    caughtBy: { file: "alert", test: "that comes and goes is no alert" },
  },
  {
    name: "an open alert is over at the first good look",
    file: hysteresis,
    changes: [{ from: "isOver(wellSince, nowMs, patience.closeMs)", to: "isOver(wellSince, nowMs, 0)" }],
    caughtBy: { file: "alert", test: "one that is open does not close and open with it" },
  },
  {
    name: "who has acknowledged an alert is not told that it is worse",
    file: "apps/core/src/store/alerts.ts",
    changes: [
      { from: "THEN clock_timestamp() ELSE alert.told_at END", to: "THEN alert.told_at ELSE alert.told_at END" },
    ],
    caughtBy: { file: "alert", test: "tells it again when it is worse" },
  },
  {
    name: "a new connection is expected to speak as ever",
    file: "apps/core/src/domain/connection-silence.ts",
    changes: [{ from: "nowMs - first < knownMsMin || heardMs.length < heardMin", to: "heardMs.length < heardMin" }],
    caughtBy: { file: "alert-causes", test: "while nobody knows what is usual of it" },
  },
  {
    name: "every tenant has a label of its own",
    file: "apps/reconciler/src/watch/house-metrics.ts",
    changes: [{ from: "if (tenants.size < labelsMax)", to: "if (tenants.size < 10 * labelsMax)" }],
    caughtBy: { file: "metrics", test: "have labels for a hundred tenants" },
  },
  {
    name: "anybody reads the metrics",
    file: "apps/core/src/runtime/http.ts",
    changes: [{ from: "if (!metrics.admits(request.headers.authorization))", to: "if (metrics === undefined)" }],
    caughtBy: { file: "metrics", test: "are for whoever has the token" },
  },
  {
    name: "what is lent for as long as a process lives is taken from those who ask",
    file: "apps/core/src/store/database.ts",
    changes: [{ from: "session: () => sessions.connect(),", to: "session: () => house.connect()," }],
    caughtBy: { file: "fence", test: "that take the lead from each other give one dense sequence" },
  },
  {
    name: "the second of two admins undoes the objective of the first",
    file: objectives,
    changes: [{ from: "expected?.(present);", to: "" }],
    caughtBy: { file: "lag-history", test: "the second is refused and changes nothing" },
  },
  {
    name: "two admins read an objective that nobody has set, and both are first",
    file: objectives,
    changes: [{ from: "SELECT pg_advisory_xact_lock(7305613, hashtext(${tenantId}))", to: "SELECT 1" }],
    caughtBy: { file: "lag-history", test: "one is done, also where both come before either has written" },
  },
];
