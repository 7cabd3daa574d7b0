import type { Mutant } from "./mutant.ts";

const hooks = "apps/ingest/src/hooks";
const store = "apps/core/src/store";

/** Mistakes in taking what transmitters say: believed too soon, acknowledged too soon, or struck too wide. */
export const securityEventMutants: readonly Mutant[] = [
  {
    name: "a key of the issuer's is enough, whoever signed",
    file: `${hooks}/signed-token.ts`,
    changes: [{ from: "if (!found.some((key) => key.verifies(signed, signature)))", to: "if (found.length > 99)" }],
    caughtBy: { file: "source-ssf-trust", test: "no algorithm, a secret one made of the public key" },
  },
  {
    name: "of two keys of one id either will do",
    file: `${hooks}/issuer-keys.ts`,
    changes: [{ from: "found.length > (kid === undefined ? candidatesMax : 1) ? [] : found", to: "found" }],
    caughtBy: { file: "source-ssf-trust", test: "two keys of one id are no key" },
  },
  {
    name: "what is for another audience is taken for ours",
    file: `${hooks}/signed-token.ts`,
    changes: [{ from: "if (!audiences.includes(audience))", to: "if (audiences.length === 0 && audience === '')" }],
    caughtBy: { file: "source-ssf-trust", test: "its issuer, its audience, its type and its time" },
  },
  {
    name: "every unknown key id costs a fetch",
    file: `${hooks}/issuer-keys.ts`,
    changes: [{ from: "now() - shelf.triedAtMs < cooldownMs", to: "now() < 0" }],
    caughtBy: { file: "source-ssf-trust", test: "at most once in half a minute" },
  },
  {
    name: "the last good keys serve for ever",
    file: `${hooks}/issuer-keys.ts`,
    changes: [
      { from: "held === undefined || nowMs - held.fetchedAtMs > keepMs", to: "held === undefined || nowMs < 0" },
    ],
    caughtBy: { file: "source-ssf-trust", test: "serve through an outage for a day" },
  },
  {
    name: "when a SET was made is when it happened",
    file: `${hooks}/security-event-token.ts`,
    changes: [
      {
        from: 'const takes = kind === "disabled" || kind === "deleted" || kind === "sessions_ended";',
        to: "const takes = String(kind) !== '';",
      },
    ],
    caughtBy: { file: "source-ssf", test: "enabled without a time lets nobody in" },
  },
  {
    name: "every number is one of seconds",
    file: `${hooks}/reading.ts`,
    changes: [
      { from: "value >= millisecondsFrom ? value : value * 1_000", to: "Math.min(value, millisecondsFrom) * 1_000" },
    ],
    caughtBy: { file: "source-ssf", test: "counts in seconds and in milliseconds" },
  },
  {
    name: "the session of a subject is passed over",
    file: `${hooks}/security-event-token.ts`,
    changes: [{ from: "...(isOfSession ? { session: subject.session } : {}),", to: "" }],
    caughtBy: { file: "source-ssf", test: "ends the one session that it names" },
  },
  {
    name: "a transmitter ends the sessions of whatever issuer it names",
    file: `${store}/end-sessions.ts`,
    changes: [
      {
        from: "connection.issuers.filter((iss) => iss === subject.token?.iss)",
        to: "(subject.token === undefined ? [] : [subject.token.iss])",
      },
    ],
    caughtBy: { file: "source-ssf-subjects", test: "is nobody of another issuer" },
  },
  {
    name: "an old end of sessions is accepted as long ago as it happened",
    file: `${store}/end-sessions.ts`,
    changes: [{ from: "acceptedAt: receivedAt,", to: "acceptedAt: receivedAt < at ? receivedAt : at," }],
    caughtBy: { file: "source-ssf", test: "an end of long ago blinds no gateway" },
  },
  {
    name: "a provider's end of a session replaces an admin's denial",
    file: `${store}/key-revocations.ts`,
    changes: [
      {
        from: 'entry.deny && entry.origin === "app" && act.origin === "idp";',
        to: 'entry.deny && entry.origin === "app" && act.origin === undefined;',
      },
    ],
    caughtBy: { file: "source-ssf", test: "takes nothing from what an admin has denied" },
  },
  {
    name: "a SET is acknowledged before it is committed",
    file: `${hooks}/stream-poll.ts`,
    changes: [
      {
        from: "const { taken, trouble, isHeld } = await takeOne(",
        to: "ack.push(jti); const { taken, trouble, isHeld } = await takeOne(",
      },
    ],
    caughtBy: { file: "source-ssf-poll", test: "is not given for what could not be committed" },
  },
  {
    name: "a stream is polled by whoever comes",
    file: `${store}/polled-streams.ts`,
    changes: [{ from: "coalesce((state ->> 'pollAt')::timestamptz <= clock_timestamp(), true)", to: "true" }],
    caughtBy: { file: "source-ssf-poll", test: "on postgres, polling a transmitter > by three processes" },
  },
  {
    name: "a request for one user's tokens does for another's",
    file: `${hooks}/sources/token-revocation.ts`,
    changes: [{ from: 'if (outcome === "conflict") throw unverified();', to: "" }],
    caughtBy: { file: "source-token-revocation", test: "puts another user to a request that was seen" },
  },
  {
    name: "an ID token logs its owner out",
    file: `${hooks}/sources/logout.ts`,
    changes: [{ from: "if (nonce !== undefined) throw unverified();", to: "" }],
    caughtBy: { file: "source-logout", test: "with a nonce, without the event" },
  },
  {
    name: "a schedule is the queue's alone",
    file: "apps/core/src/queue/schedules.ts",
    changes: [{ from: 'if (next === "unanswered") return true;', to: 'if (next === "unanswered") return false;' }],
    caughtBy: { file: "schedules", test: "when it is gone, and when it was never there" },
  },
];
