import type { Mutant } from "./mutant.ts";

const file = "just-in-time";
const refusals = "just-in-time-refusals";

/** Mistakes in making users from tokens. Most of what must not happen is refused twice; each of these takes one refusal away. */
export const provisioningMutants: readonly Mutant[] = [
  {
    name: "a token brings a tombstone back that only names tell of",
    file: "apps/core/src/store/provision-subject.ts",
    changes: [{ from: "if (dead !== undefined) return", to: "if (dead !== undefined && false) return" }],
    caughtBy: { file: refusals, test: "of a leaver who comes with another subject and the same externalId" },
  },
  {
    name: "a tombstone is nobody, so a token makes somebody",
    file: "apps/core/src/domain/resolution.ts",
    changes: [
      {
        from: 'if (candidate.deleted) return { status: "denied", reason: "idp_deleted" };',
        to: 'if (candidate.deleted) return { status: "unknown", reason: "never_provisioned" };',
      },
    ],
    // Without a worker, which would come to the leaver before the question.
    caughtBy: {
      file: "resolve",
      test: "a leaver is refused before any worker has come to it, deleted or inactive",
    },
  },
  {
    name: "a denied subject is nobody, so a token is asked for",
    file: "apps/core/src/store/resolve-subject.ts",
    changes: [{ from: "return row?.reason;", to: "return row && undefined;" }],
    caughtBy: { file: refusals, test: "of whom somebody has denied" },
  },
  {
    name: "an ended session makes a user",
    file: "apps/feed/src/token-names.ts",
    changes: [{ from: "sid: storable(sid)", to: "sid: undefined" }],
    caughtBy: { file: refusals, test: "of a token or a session that was ended" },
  },
  {
    name: "another tenant's token makes a user",
    file: "apps/core/src/domain/provisioning-choice.ts",
    changes: [{ from: "if (!isOwn(reading, uses))", to: "if (uses.length === 0)" }],
    caughtBy: { file: refusals, test: "where tenants share issuer and audience" },
  },
  {
    name: "the tenant's own claim is not compared",
    file: "apps/core/src/domain/just-in-time.ts",
    changes: [{ from: "claimOf(claims, claim) !== value)", to: "claimOf(claims, claim) === `${value} and more`)" }],
    caughtBy: { file: refusals, test: "where tenants share issuer and audience" },
  },
  {
    name: "a forged token makes a user",
    file: "apps/guard/src/token-verifier.ts",
    changes: [
      {
        from: "if (!keys.some((key) => key.verifies(opened.signed, opened.signature))) return",
        to: "if (!keys.some((key) => key.verifies(opened.signed, opened.signature)) && false) return",
      },
    ],
    caughtBy: { file: refusals, test: "of a token that nobody signed" },
  },
  {
    name: "a token of one subject makes another",
    file: "apps/feed/src/provisioner.ts",
    changes: [{ from: "judged.subject.sub !== sub)", to: "judged.subject.sub === undefined)" }],
    caughtBy: { file: refusals, test: "of a token that nobody signed" },
  },
  {
    name: "a program is made a user",
    file: "apps/core/src/domain/just-in-time.ts",
    changes: [{ from: "if (isServiceToken(connection, claims, sub))", to: "if (false)" }],
    caughtBy: { file: refusals, test: "of a service account: the subject is the client" },
  },
  {
    name: "a create does not know who was made from a token",
    file: "apps/core/src/store/provisioned-user.ts",
    changes: [{ from: "return user;", to: "return user && undefined;" }],
    caughtBy: { file, test: "and means the same user, by emails[primary]" },
  },
  {
    name: "two who come at once do not wait for each other",
    file: "apps/core/src/store/provisioned-user.ts",
    changes: [{ from: "pg_advisory_xact_lock(7305611,", to: "greatest(7305611," }],
    caughtBy: { file, test: "is made once, though the tokens" },
  },
  {
    name: "a token makes somebody of whom a source has said that they left",
    file: "apps/core/src/store/provision-subject.ts",
    changes: [{ from: "if (reason !== undefined) return {", to: "if (reason !== undefined && false) return {" }],
    caughtBy: { file: refusals, test: "of whom a source has said that they left, before anybody knew them" },
  },
  {
    name: "who is made of a token is told of past each other",
    file: "apps/core/src/store/provision-subject.ts",
    changes: [
      { from: "await lockNames(transaction, connection.id, { ...namesIn(attributes), token: { iss, sub } });", to: "" },
    ],
    caughtBy: { file: refusals, test: "of whoever is said to have left at the very moment" },
  },
  {
    name: "what was said of somebody before they came is judged by its last word alone",
    file: "apps/core/src/domain/said-before.ts",
    changes: [
      {
        from: "decideSourceEvent(event, before, receivedAt)",
        to: "decideSourceEvent(event, { ...before, statedAt: undefined }, receivedAt)",
      },
    ],
    caughtBy: { file: refusals, test: "of whom a source has said that they left, before anybody knew them" },
  },
];
