import type { Mutant } from "./mutant.ts";

const store = "apps/core/src/store";
const links = `${store}/user-links.ts`;
const letters = `${store}/dead-letters.ts`;

/** Mistakes about who is who, and about events that were given up. */
export const identityMutants: readonly Mutant[] = [
  {
    name: "a new name may mix scripts",
    file: "apps/core/src/domain/new-name.ts",
    changes: [{ from: "if (mixed !== undefined) return", to: "if (mixed === name) return" }],
    caughtBy: { file: "identity-names", test: "is refused, with what to do: Greek" },
  },
  {
    name: "a denial is refused for a name",
    file: "apps/ingest/src/scim/new-user-name.ts",
    changes: [
      { from: "if (!active || held?.userName === userName) return;", to: "if (held?.userName === userName) return;" },
    ],
    caughtBy: { file: "identity-names", test: "loses access by a request that also gives somebody such a name" },
  },
  {
    name: "a program is looked up as a person",
    file: "apps/core/src/domain/resolution.ts",
    changes: [{ from: "if (facts.isService === true) return", to: "if (facts.isService === true && false) return" }],
    caughtBy: { file: "identity-services", test: "is told by rule, and is nobody's user" },
  },
  {
    name: "a link leaves denials behind",
    file: links,
    changes: [
      {
        from: "await transaction.query(sql`UPDATE denial SET user_id = ${user.id} WHERE user_id = ${added.id}`);",
        to: "",
      },
    ],
    caughtBy: {
      file: "linking",
      test: "that stood before is the person's from the link on: the other provider deactivates",
    },
  },
  {
    name: "a link leaves tokens alive that meant another user",
    file: links,
    changes: [
      {
        from: "await convergeDenials(transaction, tenantId, user.id, act.at, passed);",
        to: "await convergeDenials(transaction, tenantId, user.id, act.at); passed.size;",
      },
    ],
    caughtBy: { file: "linking", test: "end what was open under the subject that moved" },
  },
  {
    name: "an unlinked user is let in whom an admin denied as the other",
    file: links,
    changes: [{ from: "AND since >= ${added.linked_at}", to: "AND since < ${added.linked_at}" }],
    caughtBy: { file: "linking", test: "stays denied by what an admin said of the person while they were one" },
  },
  {
    name: "a person's denial is forgotten where the other provider goes on issuing tokens",
    file: `${store}/converge-revocations.ts`,
    changes: [{ from: "refusedToo: row.refused_too,", to: "refusedToo: true," }],
    caughtBy: { file: "linking", test: "is forgotten at gateways only under the subject" },
  },
  {
    name: "links make chains",
    file: links,
    changes: [{ from: "(added.others > 0 &&", to: "(added.others < 0 &&" }],
    caughtBy: { file: "linking-refusals", test: "changes nothing: in a circle" },
  },
  {
    name: "the workers of one person do not wait for each other",
    file: `${store}/converge-users.ts`,
    changes: [{ from: "own.length < pairs.length &&", to: "own.length > pairs.length &&" }],
    caughtBy: { file: "linking-interleavings", test: "it renames the user, and the other provider deletes" },
  },
  {
    name: "one person's two directory users contend for one subject",
    file: "apps/core/src/domain/converge.ts",
    changes: [{ from: 'if (owner.userId === claimant.userId) return owner.holds ? "shared" : "own";', to: "" }],
    caughtBy: { file: "linking-providers", test: "cannot both be applied, until an admin says that they are one" },
  },
  {
    name: "one person inherits from itself",
    file: "apps/core/src/domain/resolution.ts",
    changes: [
      {
        from: "const heir = living.find(({ userId }) => userId !== owner.userId);",
        to: "const heir = living.find(({ directoryUserId }) => directoryUserId !== owner.directoryUserId);",
      },
    ],
    caughtBy: { file: "linking-providers", test: "hand it to each other with its tokens" },
  },
  {
    name: "the directory takes away what an admin gave",
    file: `${store}/converge-identities.ts`,
    changes: [{ from: "AND NOT alias AND linked_at IS NULL", to: "AND NOT alias" }],
    caughtBy: { file: "identity-federated", test: "stays through every change of the directory" },
  },
  {
    name: "a subject that is taken from a denied user is denied for nobody's reason",
    file: `${store}/user-identities.ts`,
    changes: [
      { from: "(denial === undefined ? cutKeys : denyKeys)(", to: "(denial === undefined ? cutKeys : cutKeys)(" },
    ],
    caughtBy: { file: "identity-federated", test: "stays denied where the user is" },
  },
  {
    name: "a replayed denial counts as one that nobody has tried",
    file: letters,
    changes: [{ from: "dropped_at = NULL, attempts = 1,", to: "dropped_at = NULL, attempts = 0," }],
    caughtBy: { file: "deadletter", test: "blinds no gateway when it is replayed" },
  },
  {
    name: "a denial is dropped by whoever does not know that it is one",
    file: letters,
    changes: [{ from: "if (event.denying && !drop.isDenial)", to: "if (event.denying && drop.isDenial)" }],
    caughtBy: { file: "deadletter", test: "is dropped only by whoever says that it is one" },
  },
  {
    name: "to drop a denial opens what it has closed",
    file: letters,
    changes: [
      {
        from: "await transaction.query(sql`UPDATE lifecycle_event SET dropped_at = ${drop.at} WHERE id = ${id}`);",
        to: "await transaction.query(sql`UPDATE lifecycle_event SET dropped_at = ${drop.at} WHERE id = ${id}`); await transaction.query(sql`DELETE FROM denial WHERE origin_id = ${event.subjectId} AND reason = 'poison'`);",
      },
    ],
    caughtBy: { file: "deadletter", test: "is dropped only by whoever says that it is one" },
  },
  {
    name: "any later event supersedes a dead one",
    file: "apps/core/src/domain/superseded.ts",
    changes: [{ from: "return membershipKinds.has(applied) || !membershipKinds.has(given);", to: "return true;" }],
    caughtBy: { file: "deadletter", test: "keeps no later one of its subject waiting" },
  },
  {
    name: "a subject that was waited for comes with the tokens that its owner got meanwhile",
    file: "apps/core/src/store/converge-revocations.ts",
    changes: [{ from: "Math.max(subject.atMs, inheritedMs ?? 0)", to: "subject.atMs" }],
    caughtBy: { file: "identity-names", test: "long before its owner gives it up" },
  },
  {
    name: "a worker writes an older cut over a later one",
    file: "apps/core/src/store/converge-revocations.ts",
    changes: [{ from: "nbf = greatest(revocation.nbf, excluded.nbf)", to: "nbf = excluded.nbf" }],
    caughtBy: { file: "interleavings", test: "a cut that is made while a worker reactivates the user" },
  },
  {
    name: "a ban of a subject stays behind when whoever bears it is unlinked",
    file: `${store}/admin-denials.ts`,
    changes: [{ from: "'admin_revoked', directory_user_id, 'the", to: "'admin_revoked', user_id, 'the" }],
    caughtBy: { file: "identity-federated", test: "stays denied with whoever bears it when they are unlinked" },
  },
  {
    name: "whoever was linked keeps the other's ban",
    file: `${store}/admin-denials.ts`,
    changes: [
      {
        from: "FROM held WHERE fresh OR NOT EXISTS (SELECT FROM denial WHERE denial.user_id = held.user_id AND reason = 'admin_revoked')",
        to: "FROM held",
      },
    ],
    caughtBy: { file: "identity-federated", test: "brings whoever else is the person nothing" },
  },
  {
    name: "tokens end only under the names that a worker has come to",
    file: `${store}/subject-revocations.ts`,
    changes: [
      { from: "WHERE NOT EXISTS (SELECT FROM identity", to: "WHERE false AND NOT EXISTS (SELECT FROM identity" },
    ],
    caughtBy: { file: "admin-words", test: "ends a user's tokens under the names that no worker has come to yet" },
  },
  {
    name: "tokens end under every name that somebody claims",
    file: `${store}/subject-revocations.ts`,
    changes: [{ from: "WHERE NOT EXISTS (SELECT FROM identity", to: "WHERE true OR NOT EXISTS (SELECT FROM identity" }],
    caughtBy: { file: "admin-words", test: "ends nothing of what another user has" },
  },
  {
    name: "of two denials of one reason the one that ends first is the one",
    file: `${store}/admin-denials.ts`,
    changes: [
      {
        from: "DO UPDATE SET expires_at = excluded.expires_at WHERE denial.expires_at < coalesce(",
        to: "DO UPDATE SET expires_at = denial.expires_at WHERE denial.expires_at < coalesce(",
      },
    ],
    caughtBy: { file: "admin-connections", test: "is not let in after it: their provider goes on" },
  },
  {
    name: "a ban of a subject ends with what denies its user already",
    file: `${store}/admin-denials.ts`,
    changes: [{ from: "FROM held WHERE fresh OR NOT EXISTS", to: "FROM held WHERE NOT EXISTS" }],
    caughtBy: { file: "admin-words", test: "outlasts what denies whoever comes to hold it for a time" },
  },
  {
    name: "a ban for a time lasts for good once a worker comes to the user",
    file: `${store}/admin-denials.ts`,
    changes: [{ from: "FROM held WHERE fresh OR NOT EXISTS", to: "FROM held WHERE true OR NOT EXISTS" }],
    caughtBy: { file: "admin-words", test: "for a time stays for a time, however often" },
  },
  {
    name: "what one of a person gives up is anybody's, though the other still says it",
    file: `${store}/converge-identities.ts`,
    changes: [{ from: "if (owner.kept === true) return true;", to: "" }],
    caughtBy: { file: "linking-providers", test: "keep it from whoever else claims it" },
  },
];
