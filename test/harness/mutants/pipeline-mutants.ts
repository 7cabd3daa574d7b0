import type { Mutant } from "./mutant.ts";

const store = "apps/core/src/store";
const queue = "apps/core/src/queue";
const drain = "apps/worker/src/drain.ts";
const orders = "orders";
const wakeUps = "wake-ups";
const pipeline = "pipeline";

/** Mistakes on an event's way from the inbox to the feed: what is forgotten, what overtakes, and what comes twice. */
export const pipelineMutants: readonly Mutant[] = [
  {
    name: "< where <= belongs: what is up to date is applied again",
    file: `${store}/converge-users.ts`,
    changes: [{ from: "row.applied_version >= row.version", to: "row.applied_version > row.version" }],
    caughtBy: { file: "interleavings", test: "writes nothing the second time: reactivate" },
  },
  {
    name: ">= where > belongs: a follower is told again what it knows",
    file: `${store}/feed-log.ts`,
    changes: [{ from: "AND seq > ${since} AND seq <= ${to}", to: "AND seq >= ${since} AND seq <= ${to}" }],
    caughtBy: { file: "feed-http", test: "gives long news in pages" },
  },
  {
    name: "no clamp: a denial dated in the future refuses every token until then",
    file: `${store}/converge.ts`,
    changes: [
      {
        from: "return Math.min(event.occurredAt?.getTime() ?? Number.POSITIVE_INFINITY, event.acceptedAt.getTime());",
        to: "return event.occurredAt?.getTime() ?? event.acceptedAt.getTime();",
      },
    ],
    caughtBy: { file: pipeline, test: "dated in 2099 refuses no token that is issued after it was lifted" },
  },
  {
    name: "a denial that comes late is dropped for being stale",
    file: `${store}/converge.ts`,
    changes: [{ from: "forced: killsMs.length > 0 || own.some(", to: "forced: own.some(" }],
    caughtBy: { file: orders, test: "lead to one state in all 720 orders" },
  },
  {
    name: "an older denial lowers the cut of a newer one",
    file: "apps/core/src/domain/revocation.ts",
    changes: [
      {
        from: "(latest, ms) => Math.max(latest ?? 0, Math.floor(ms / 1000) + 1),",
        to: "(_, ms) => Math.floor(ms / 1000) + 1,",
      },
    ],
    caughtBy: {
      file: "lifecycle-orders",
      test: "of a leaver > committed all first, > end as the rules say, in every order: with nothing",
    },
  },
  {
    name: "a cut spares the tokens of its own second",
    file: "apps/core/src/domain/revocation.ts",
    changes: [{ from: "Math.floor(ms / 1000) + 1", to: "Math.floor(ms / 1000)" }],
    caughtBy: {
      file: "lifecycle-orders",
      test: "who comes back > committed all first, > end as the rules say, in every order: with nothing",
    },
  },
  {
    name: "a suspension spares the tokens of whoever is out already",
    file: `${store}/converge-revocations.ts`,
    changes: [
      { from: "AND reason IN ('admin_suspended', 'admin_revoked')) AS struck_at", to: "AND false) AS struck_at" },
    ],
    caughtBy: { file: "tombstone", test: "kills the tokens before it, though the provider had shut the user out" },
  },
  {
    name: "an admin does not wait for the worker that is at work on the user",
    file: `${store}/admin-denials.ts`,
    changes: [
      {
        from: "SELECT FROM link WHERE user_id = ${userId} ORDER BY directory_user_id FOR UPDATE",
        to: "SELECT FROM link WHERE user_id = ${userId} ORDER BY directory_user_id",
      },
      { from: "SELECT FROM app_user WHERE id = ${userId} FOR UPDATE", to: "SELECT FROM app_user WHERE id = ${userId}" },
    ],
    caughtBy: { file: "interleavings", test: "a suspension that comes while a worker reactivates the user" },
  },
  {
    name: "being provisioned lifts the ban of a subject that nobody held",
    file: `${store}/admin-denials.ts`,
    changes: [
      {
        from: "AND revocation.deny AND revocation.reason = 'admin_revoked'",
        to: "AND false AND revocation.deny AND revocation.reason = 'admin_revoked'",
      },
    ],
    caughtBy: { file: "tombstone", test: "against a subject that nobody held" },
  },
  {
    name: "a tombstone is revived by an update",
    file: `${store}/user-statements.ts`,
    changes: [
      {
        from: "AND connection_id = ${connectionId} AND deleted_at IS NULL AND version = ${expectedVersion}",
        to: "AND connection_id = ${connectionId} AND version = ${expectedVersion}",
      },
      {
        from: "version = version + 1, updated_at = now(), -- What",
        to: "version = version + 1, updated_at = now(), deleted_at = NULL, -- What",
      },
      {
        from: "FROM directory_user WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NULL`; }",
        to: "FROM directory_user WHERE id = ${id} AND connection_id = ${connectionId}`; }",
      },
    ],
    caughtBy: { file: "tombstone", test: "finds nobody, and changes nothing" },
  },
  {
    name: "a create that waited for somebody's end makes them a second time",
    file: `${store}/user-statements.ts`,
    changes: [{ from: "THEN 0 ELSE 1 END) AS none", to: "THEN 1 ELSE 1 END) AS none" }],
    caughtBy: { file: "tombstone", test: "is the same user though the end is not committed yet" },
  },
  {
    name: "of two users that are one, the end of one spares the other's tokens",
    file: `${store}/converge-revocations.ts`,
    changes: [{ from: "latest(killedAt.get(row.user_id), row", to: "latest(subject.killedAtMs, row" }],
    caughtBy: { file: "tombstone", test: "also those of another provider whose user is the same" },
  },
  {
    name: "the outbox is forgotten: what is revoked is told to nobody",
    file: `${store}/converge-revocations.ts`,
    changes: [{ from: "sub, accepted_at FROM changed`", to: "sub, accepted_at FROM changed WHERE false`" }],
    caughtBy: { file: "leaver", test: "the queue on postgres > a leaver is in the feed" },
  },
  {
    name: "published before the commit: what is taken is gone though publishing fails",
    file: `${store}/publish.ts`,
    changes: [
      {
        from: "takePending(transaction, tenantId, limit), ]);",
        to: "database.inTenant(tenantId, (own) => takePending(own, tenantId, limit)), ]);",
      },
    ],
    caughtBy: { file: "fence", test: "is shut out, and nothing of what it tried is there" },
  },
  {
    name: "two publishers of one term number side by side",
    file: `${store}/feed-append.ts`,
    changes: [
      {
        from: "hashed_digest, subject_key FROM feed_meta FOR UPDATE",
        to: "hashed_digest, subject_key FROM feed_meta",
      },
    ],
    caughtBy: { file: "fence", test: "still give one dense sequence" },
  },
  {
    name: "an entry that is replaced stays",
    file: `${store}/feed-append.ts`,
    changes: [{ from: "if (replaced.length === 0) return;", to: "if (replaced.length >= 0) return;" }],
    caughtBy: { file: "feed-http", test: "signs the digest that whoever holds all entries computes" },
  },
  {
    name: "as_of passes what is applied and not yet published",
    file: `${store}/feed-head.ts`,
    changes: [
      {
        from: "(SELECT min(accepted_at) FROM feed_pending WHERE tenant_id = ${tenantId})`;",
        to: "NULL::timestamptz`;",
      },
    ],
    caughtBy: { file: pipeline, test: "that is applied and not published keeps as_of back" },
  },
  {
    name: "a gateway that is blind lets everybody in",
    file: "apps/guard/src/decider.ts",
    changes: [
      {
        from: 'if (choice === "allow") return allow(subject, true);',
        to: "if (choice !== undefined) return allow(subject, true);",
      },
    ],
    caughtBy: { file: "gateway", test: "a denial that nobody applies makes a gateway know that it is blind" },
  },
  {
    name: "a batch that fails counts as applied",
    file: drain,
    changes: [
      {
        from: "return bisect(drainer, tenantId, taken, error);",
        to: "await drainer.database.inTenant(tenantId, (transaction) => markApplied(transaction, taken.map(({ id }) => id))); return 0;",
      },
    ],
    caughtBy: { file: "poison", test: "is alone in its failure" },
  },
  {
    name: "applied is said before it is done, in a transaction of its own",
    file: drain,
    changes: [
      {
        from: "return taken.length === 0 ? [] : apply(transaction, tenantId, taken); }); wakeLanes(drainer, lanes); return taken.length;",
        to: "await markApplied(transaction, taken.map(({ id }) => id)); return []; }); if (taken.length > 0) await drainer.database.inTenant(tenantId, (transaction) => apply(transaction, tenantId, taken)); wakeLanes(drainer, lanes); return taken.length;",
      },
    ],
    caughtBy: { file: "worker-killed", test: "with the queue on postgres > a worker that is killed" },
  },
  {
    name: "a denial that cannot be applied is kept to ourselves",
    file: `${store}/fail-closed.ts`,
    changes: [
      {
        from: "if (row !== undefined) await convergeUserRevocations(",
        to: "if (row === undefined) await convergeUserRevocations(",
      },
      { from: "row.user_id, at);", to: "row as never, at);" },
    ],
    caughtBy: { file: "poison", test: "denies at once, is in the feed" },
  },
  {
    name: "a denial waits for everything that was accepted before it",
    file: `${store}/inbox.ts`,
    changes: [
      { from: "AND ${due} ORDER BY denying DESC, id LIMIT ${limit}`", to: "AND ${due} ORDER BY id LIMIT ${limit}`" },
    ],
    caughtBy: { file: pipeline, test: "goes before all that was accepted before it" },
  },
  {
    name: "an outage is blamed on the events that it struck",
    file: drain,
    changes: [
      {
        from: "if (taken.length === 0 || isTransient(error)) throw error;",
        to: "if (taken.length === 0) throw error;",
      },
      { from: "if (isTransient(error)) throw error; return bisect(", to: "return bisect(" },
    ],
    caughtBy: { file: pipeline, test: "is no attempt" },
  },
  {
    name: "one tenant whose rows are stuck keeps the others waiting",
    file: drain,
    changes: [{ from: "failures.push(error);", to: "throw error;" }],
    caughtBy: { file: pipeline, test: "keeps no other tenant waiting" },
  },
  {
    name: "one lane that cannot be swept keeps the others waiting",
    file: "apps/worker/src/sweep.ts",
    changes: [{ from: "if (!closed()) await sweepLane(lane);", to: "if (!closed()) await drain(lane);" }],
    caughtBy: { file: pipeline, test: "keeps no other lane waiting" },
  },
  {
    name: "a wake-up is known by its job's id, and dropped while that job is at work",
    file: `${queue}/waker.ts`,
    changes: [
      {
        from: "opts: { deduplication: { id: `lane-${lane}`, keepLastIfActive: true } }",
        to: "opts: { jobId: `lane-${lane}` }",
      },
    ],
    caughtBy: { file: wakeUps, test: "queue on postgres > a lane that is woken while it is being drained" },
  },
  {
    name: "a wake-up is forgotten while its lane is being drained",
    file: `${queue}/waker.ts`,
    changes: [{ from: "`, keepLastIfActive: true }", to: "` }" }],
    caughtBy: { file: wakeUps, test: "queue on postgres > a lane that is woken while it is being drained" },
  },
  {
    name: "two killed workers lose a lane's job: maxStalledCount as it comes",
    file: `${queue}/lane-worker.ts`,
    changes: [{ from: "maxStalledCount: 1_000_000,", to: "" }],
    caughtBy: { file: wakeUps, test: "queue on postgres > a lane whose workers are killed" },
  },
  {
    name: "a killed worker's lane waits for half a minute: lockDuration as it comes",
    file: `${queue}/lane-worker.ts`,
    changes: [{ from: "lockDuration: 5_000,", to: "" }],
    caughtBy: { file: wakeUps, test: "queue on postgres > a lane whose workers are killed" },
  },
  {
    name: "a drain that fails takes its lane's job with it, and nothing sweeps up",
    file: "apps/worker/src/worker.ts",
    changes: [{ from: "startSweep(database, drain, log),", to: "" }],
    caughtBy: { file: pipeline, test: "are applied by a worker that nobody wakes again" },
  },
  {
    name: "what was changed back is published again",
    file: `${store}/publish.ts`,
    changes: [{ from: 'return (state.op === "deny") !== (op === "deny") || ', to: "return true || " }],
    caughtBy: { file: pipeline, test: "is told to nobody" },
  },
];
