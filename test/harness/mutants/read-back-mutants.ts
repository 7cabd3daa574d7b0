import type { Mutant } from "./mutant.ts";

const domain = "apps/core/src/domain";
const store = "apps/core/src/store";
const asking = "apps/reconciler/src/read-backs";
const hooks = "apps/ingest/src/hooks/sources";

/** Mistakes in asking providers: what is believed too readily, undone, asked too often, or lost. */
export const readBackMutants: readonly Mutant[] = [
  {
    name: "an answer undoes what was said while it was on its way",
    file: `${domain}/read-back-decision.ts`,
    changes: [{ from: 'if (user.isNewer) return nothing("stale", "soon");', to: "" }],
    caughtBy: { file: "read-back", test: "an answer from before a denial does not undo it" },
  },
  {
    name: "an account that lives lets in whom SCIM shut out",
    file: `${domain}/read-back-decision.ts`,
    changes: [
      {
        from: 'return lifts === "all" || shutOutBy !== "scim";',
        to: 'return lifts !== "all" || shutOutBy !== "scim";',
      },
    ],
    caughtBy: { file: "read-back", test: "is nobody whom SCIM shut out" },
  },
  {
    name: "one answer that there is nobody is a proof",
    file: `${domain}/read-back-decision.ts`,
    changes: [
      {
        from: "const isSaidTwice = absentSince !== undefined && askedAt.getTime() - absentSince.getTime() >= apartMs;",
        to: "const isSaidTwice = absentSince === undefined || apartMs > 0;",
      },
    ],
    caughtBy: { file: "read-back", test: "is let in again where it was a mistake of one moment" },
  },
  {
    name: "who is not found stays in until it is proven",
    file: `${domain}/read-back-decision.ts`,
    changes: [
      {
        from: 'if (isYoung) return nothing("absent", again);',
        to: 'if (isYoung || !isSaidTwice) return nothing("absent", again);',
      },
    ],
    caughtBy: { file: "read-back", test: "is shut out at once, and dead when that is said again a while later" },
  },
  {
    name: "every ping of a storm is a question",
    file: `${store}/read-backs.ts`,
    changes: [
      {
        from: "CASE WHEN read_back.taken_until > now() THEN read_back.due_at WHEN",
        to: "CASE WHEN false THEN read_back.due_at WHEN",
      },
    ],
    caughtBy: { file: "read-back", test: "asks about her once, and once more" },
  },
  {
    name: "a read-back is struck off though it was asked for again",
    file: `${store}/read-backs.ts`,
    changes: [
      {
        from: "AND asked_at <= ${readBack.askedAt}::timestamptz RETURNING",
        to: "AND ${readBack.askedAt}::timestamptz IS NOT NULL RETURNING",
      },
    ],
    caughtBy: { file: "read-back", test: "what is told while it is asked is asked for after it" },
  },
  {
    name: "a read-back that failed is forgotten",
    file: `${asking}/read-back-round.ts`,
    changes: [
      {
        from: "const pausedMs = await asker.failed(error); await postponeReadBack(",
        to: "const pausedMs = await asker.failed(error); await strikeReadBack(database, tenantId, readBack); await postponeReadBack(",
      },
    ],
    caughtBy: { file: "read-back-outage", test: "about somebody else: neither is touched" },
  },
  {
    name: "a provider that fails is asked on and on",
    file: `${asking}/askers.ts`,
    changes: [
      {
        from: "const isPaused = (): boolean => performance.now() < own.pausedUntilMs;",
        to: "const isPaused = (): boolean => false;",
      },
    ],
    caughtBy: { file: "read-back-outage", test: "is left alone: three hundred who wait" },
  },
  {
    name: "who cannot be read whole is let be, though they have left",
    file: `${store}/converge-read-back.ts`,
    changes: [
      { from: 'if (origin.rules.takes === "active" || isEnabling(given.answer)) throw refusal;', to: "throw refusal;" },
    ],
    caughtBy: { file: "read-back-outage", test: "with a name that cannot be held" },
  },
  {
    name: "one of the changes is left out, and the mark moves on",
    file: `${asking}/provider-changes.ts`,
    changes: [
      {
        from: "await takeInUsers(parts, asker, askedAt, users);",
        to: "await takeInUsers(parts, asker, askedAt, users.slice(1));",
      },
    ],
    caughtBy: { file: "source-graph", test: "is found by asking what has changed" },
  },
  {
    name: "a change that is refused once is lost, and the mark moves on",
    file: `${asking}/provider-changes.ts`,
    changes: [{ from: "await askAgain(database, connection.tenantId, connection.id, names);", to: "" }],
    caughtBy: { file: "source-graph", test: "a name that changes hands, the new owner told first" },
  },
  {
    name: "an answer that is refused for ever is told to nobody",
    file: `${asking}/read-back-round.ts`,
    changes: [
      {
        from: "const alertId = backOffMs >= pace.postponeMsMax ? newId() : undefined;",
        to: "const alertId = backOffMs < 0 ? newId() : undefined;",
      },
    ],
    caughtBy: { file: "read-back-outage", test: "is told of while it is, keeps nobody else waiting" },
  },
  {
    name: "an answer that is refused no more stays an alert",
    file: `${store}/read-backs.ts`,
    changes: [{ from: "if (readBack.attempts > 1) await resolveRefused(transaction, readBack.connectionId);", to: "" }],
    caughtBy: { file: "read-back-outage", test: "is told of while it is, keeps nobody else waiting" },
  },
  {
    name: "one item's secret is every item's",
    file: `${hooks}/graph.ts`,
    changes: [
      {
        from: 'const own = items.filter((item) => isSecret(textOf(item["clientState"]), secrets));',
        to: 'const own = items.filter(() => items.some((item) => isSecret(textOf(item["clientState"]), secrets)));',
      },
    ],
    caughtBy: { file: "source-graph", test: "with another secret is refused, and what is beside it is kept" },
  },
  {
    name: "a channel that nobody made is heard",
    file: `${hooks}/google.ts`,
    changes: [
      {
        from: "if (!channelsOf(source).some((known) => sameText(known, channel))) throw unverified();",
        to: "if (channelsOf(source).every((known) => sameText(known, channel))) throw unverified();",
      },
    ],
    caughtBy: { file: "source-google", test: "of a channel that nobody knows" },
  },
  {
    name: "the old channel is stopped as soon as there is a new one",
    file: `${asking}/google-channels.ts`,
    changes: [
      { from: "subscribing.now() - current.madeAt >= overlapMs", to: "subscribing.now() - current.madeAt >= 0" },
    ],
    caughtBy: { file: "source-google", test: "are followed by new ones before they end" },
  },
  {
    name: "a question that has failed for hours waits its hour, whatever is told",
    file: `${store}/read-backs.ts`,
    changes: [
      {
        from: "THEN least(read_back.due_at, now() + ${toldAgainSec}",
        to: "THEN greatest(read_back.due_at, now() + ${toldAgainSec}",
      },
    ],
    caughtBy: { file: "read-back-outage", test: "waits no hour more once something is told" },
  },
  {
    name: "a storm of pings hurries what fails",
    file: `${store}/read-backs.ts`,
    changes: [
      {
        from: "now() + ${toldAgainSec} * interval '1 second'",
        to: "now() + 0 * ${toldAgainSec} * interval '1 second'",
      },
    ],
    caughtBy: { file: "read-back-outage", test: "waits no hour more once something is told" },
  },
  {
    name: "whoever is found under a leaver's address is the leaver",
    file: `${store}/converge-read-back.ts`,
    changes: [
      {
        from: "if (asked !== undefined && asked.id !== found.id)",
        to: "if (asked !== undefined && asked.id === found.id)",
      },
    ],
    caughtBy: { file: "source-google", test: "finds that one, and so the leaver is gone" },
  },
  {
    name: "whom a list leaves out is asked about by id alone",
    file: `${store}/read-backs.ts`,
    changes: [
      { from: "ELSE user_name_key NOT IN (SELECT unnest(", to: "ELSE false AND user_name_key NOT IN (SELECT unnest(" },
    ],
    caughtBy: { file: "source-graph", test: "is found by name where the directory knows no ids" },
  },
];
