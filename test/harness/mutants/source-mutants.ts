import type { Mutant } from "./mutant.ts";

const decision = "apps/core/src/domain/source-decision.ts";
const orders = "source-orders";
const webhook = "source-webhook";

/** Mistakes about what a source says that tells times, comes late, comes twice, or is no source at all. */
export const sourceMutants: readonly Mutant[] = [
  {
    name: "a stale enabling undoes a later denial",
    file: decision,
    changes: [{ from: "enables ? at <= latestOf(user) :", to: "enables ? at <= new Date(0) :" }],
    caughtBy: {
      file: orders,
      test: "where the last word takes access away, > is kept out whatever order they arrive in: with nothing",
    },
  },
  {
    name: "of two at the same moment the enabling wins",
    file: decision,
    changes: [{ from: "at <= latestOf(user)", to: "at < latestOf(user)" }],
    caughtBy: {
      file: orders,
      test: "both are said of the same moment, > is kept out whatever order they arrive in: with nothing",
    },
  },
  {
    name: "a denial is dropped for being older than what nobody dated",
    file: decision,
    changes: [
      {
        from: "const verified = user.attributes.active ? user.statedAt : undefined;",
        to: "const verified = user.attributes.active ? latestOf(user) : undefined;",
      },
    ],
    caughtBy: { file: webhook, test: "a denial is never too old for what SCIM said without a time" },
  },
  {
    name: "a denial of the dead is forgotten, and an older create brings them back",
    file: decision,
    changes: [
      {
        from: 'if (user.deleted) return { write: { kind: "confirm" }, outcome: "unchanged", statedAt: later(',
        to: 'if (user.deleted) return { write: undefined, outcome: "unchanged", statedAt: later(',
      },
    ],
    caughtBy: {
      file: orders,
      test: "they are disabled after they came back, > is kept out whatever order they arrive in: with nothing",
    },
  },
  {
    name: "a change of anything else makes an older denial stale",
    file: decision,
    changes: [{ from: "const statedAt = active ? undefined : latestOf(user);", to: "const statedAt = at;" }],
    caughtBy: {
      file: orders,
      test: "what is said after their end is about anything else, > is kept out whatever order they arrive in: with nothing",
    },
  },
  {
    name: "whoever does not say when lets somebody in",
    file: decision,
    changes: [
      {
        from: 'return enables ? nothing("no_time", true) : write(user, attributes, at, "keep");',
        to: 'return write(user, attributes, at, "admit");',
      },
    ],
    caughtBy: {
      file: orders,
      test: "whoever lets them in does not say when, > is kept out whatever order they arrive in: with nothing",
    },
  },
  {
    name: "the sender's clock is believed, however far ahead it is",
    file: decision,
    changes: [{ from: "earlier(event.occurredAt, receivedAt)", to: "event.occurredAt" }],
    caughtBy: { file: orders, test: "a word dated far ahead makes no later word old" },
  },
  {
    name: "an update brings a tombstone back",
    file: decision,
    changes: [{ from: 'event.kind === "created" && at !== undefined', to: "at !== undefined" }],
    caughtBy: { file: orders, test: "brings nobody back" },
  },
  {
    name: "T18: a delivery is believed without its signature",
    file: "apps/ingest/src/hooks/sources/standard-webhook.ts",
    changes: [
      {
        from: 'if (!signatures.split(" ").some((signature) => isSecret(signature, expected))) throw unverified();',
        to: "if (expected === undefined) throw unverified();",
      },
    ],
    caughtBy: { file: webhook, test: "a wrong secret, no signature, another body" },
  },
  {
    name: "T18: a delivery is fresh however old its signature is",
    file: "apps/ingest/src/hooks/verification.ts",
    changes: [{ from: "<= toleranceSec * 1_000)) throw", to: ">= 0)) throw" }],
    caughtBy: { file: webhook, test: "a wrong secret, no signature, another body" },
  },
  {
    name: "T18: what is told again is done again",
    file: "apps/core/src/store/source-events.ts",
    changes: [
      {
        from: 'if (inserted !== undefined) return "new";',
        to: 'if (inserted !== undefined || payloadHash.length > 0) return "new";',
      },
    ],
    caughtBy: { file: webhook, test: "said otherwise under the same id alarms" },
  },
  {
    name: "an ended session is deleted before everybody was told to forget it",
    file: "apps/core/src/store/forgotten-keys.ts",
    changes: [{ from: "AND pending.sub = entry.sub)", to: "AND pending.sub = entry.sub AND false)" }],
    caughtBy: { file: "feed-compaction", test: "stay while a follower is still to be told that they are forgotten" },
  },
  {
    name: "forgotten sessions are kept, one for every logout",
    file: "apps/core/src/store/forgotten-keys.ts",
    changes: [
      {
        from: "WHERE tenant_id = ${tenantId} AND scope IN ('sid', 'jti')",
        to: "WHERE tenant_id = ${tenantId} AND scope IN ('jti')",
      },
    ],
    caughtBy: { file: "feed-compaction", test: "are gone a day after they were forgotten, and may be told anew" },
  },
  {
    name: "a session that ends while its old entry is deleted is denied nowhere",
    file: "apps/core/src/store/key-revocations.ts",
    changes: [
      {
        from: "return locked.length < keys.length ? lockKeys(transaction, tenantId, keys, at) : locked;",
        to: "return locked;",
      },
    ],
    caughtBy: { file: "feed-compaction", test: "are not lost where they are told again while they are being deleted" },
  },
  {
    name: "of what sources said a piece is forgotten, and the rest grows",
    file: "apps/core/src/store/delete-in-pieces.ts",
    changes: [{ from: "if (rows.length < pieceMax) return gone;", to: "return gone;" }],
    caughtBy: { file: webhook, test: "is forgotten however much of it there is, and what nobody came for with it" },
  },
];
