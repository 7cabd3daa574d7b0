import type { Mutant } from "./mutant.ts";

const feed = "apps/feed/src";
const hooks = "apps/ingest/src/hooks";
const receipts = "feed-poisoned-receipts";
const polled = "source-ssf-poll-paused";

/** Mistakes at the doors by which what one sender says is lost, or takes with it what others say. */
export const doorMutants: readonly Mutant[] = [
  {
    name: "a token that lives too long is told by nobody",
    file: `${feed}/bodies.ts`,
    changes: [
      {
        from: "return Math.min(Math.ceil(number(value, 0, Number.MAX_VALUE)), lifetimeSecMax);",
        to: "return Math.ceil(number(value, 0, lifetimeSecMax));",
      },
    ],
    caughtBy: { file: receipts, test: "until the year 2286 stops compaction" },
  },
  {
    name: "a lifetime is written as it was sent",
    file: `${feed}/bodies.ts`,
    changes: [{ from: "return Math.min(Math.ceil(", to: "return Math.max(Math.ceil(" }],
    caughtBy: { file: receipts, test: "with an exp in milliseconds stops compaction" },
  },
  {
    name: "a gateway's name may hold what no database holds",
    file: `${feed}/body-fields.ts`,
    changes: [{ from: 'if (!isText || value.includes("\\0") || !value.isWellFormed())', to: "if (!isText)" }],
    caughtBy: { file: receipts, test: "with a name with a NUL is refused for itself" },
  },
  {
    name: "one receipt that will not do fails all beside it",
    file: `${feed}/receipt-box.ts`,
    changes: [{ from: "if (waiting.length === 1 || isTransient(error)) {", to: "if (waiting.length > 0) {" }],
    caughtBy: { file: receipts, test: "for a reason that nobody foresaw fails alone" },
  },
  {
    name: "a guard tells of a lifetime that JSON cannot say",
    file: "apps/guard/src/token-verifier.ts",
    changes: [{ from: "Math.min(Math.ceil(lifetimeSecMax), lifetimeSecLongest)", to: "Math.ceil(lifetimeSecMax)" }],
    caughtBy: { file: "apps/guard/src/receipts", test: "that lives longer than a number can say" },
  },
  {
    name: "a SET is at fault that its connection is paused",
    file: `${hooks}/sent-again.ts`,
    changes: [{ from: '"unavailable", "connection_paused"]', to: '"unavailable"]' }],
    caughtBy: { file: "paused-connection", test: "ssf_push, while its connection is paused" },
  },
  {
    name: "what is polled is taken in though its connection is paused",
    file: `${hooks}/stream-poll.ts`,
    changes: [{ from: "const admitted = isPaused ?", to: "const admitted = !isPaused && isPaused ?" }],
    caughtBy: { file: polled, test: "who comes back is not acknowledged, and let in after the resume" },
  },
  {
    name: "what a paused connection did not take is acknowledged",
    file: `${hooks}/stream-poll.ts`,
    changes: [{ from: "(isHeld ? held : ack).push(jti);", to: "ack.push(jti);" }],
    caughtBy: { file: polled, test: "who comes back is not acknowledged, and let in after the resume" },
  },
  {
    name: "a denial waits behind what a paused connection does not take",
    file: `${hooks}/stream-poll.ts`,
    changes: [{ from: "for (const jti of done.held) held.add(jti);", to: "" }],
    caughtBy: { file: polled, test: "so that no denial waits behind it" },
  },
  {
    name: "a stream is as paused as when its turn began",
    file: "apps/ingest/src/stream-poller.ts",
    changes: [
      {
        from: "async ({ connection: { tenantId, id } }) => (await findConnection(database, tenantId, id))?.pausedAt !== undefined;",
        to: "({ connection }) => Promise.resolve(connection.pausedAt !== undefined);",
      },
    ],
    caughtBy: { file: polled, test: "that was asked before the pause is heard as after it" },
  },
  {
    name: "who reads no more takes the news from who still does",
    file: `${feed}/followers.ts`,
    changes: [{ from: "if (!isShared) tails.forget(feedId, log);", to: "tails.forget(feedId, log);" }],
    caughtBy: {
      file: "feed-idle-followers",
      test: "reads by hash any more is still told to those who read it by name",
    },
  },
];
