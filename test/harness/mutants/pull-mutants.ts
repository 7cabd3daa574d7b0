import type { Mutant } from "./mutant.ts";

const domain = "apps/core/src/domain";
const store = "apps/core/src/store";
const pull = "apps/reconciler/src/pull";

/** Mistakes in listing everybody: what is believed too readily, done too soon, gone around, or undone. */
export const pullMutants: readonly Mutant[] = [
  {
    name: "whoever one listing leaves out is gone",
    file: `${domain}/pull-decision.ts`,
    changes: [
      {
        from: "return missingSince !== undefined && createdAt < missingSince && missingSince < askedAt ?",
        to: "return missingSince === undefined || missingSince < askedAt ?",
      },
    ],
    caughtBy: { file: "pull-lies", test: "10000 runs of a provider that lies" },
  },
  {
    name: "two listings are a row although somebody was listed between them",
    file: `${store}/pull-decisions.ts`,
    changes: [
      {
        from: "DELETE FROM pull_absence WHERE connection_id = ${held.connectionId} AND subject_id NOT IN",
        to: "DELETE FROM pull_absence WHERE false AND subject_id NOT IN",
      },
    ],
    caughtBy: { file: "pull", test: "is forgotten where somebody is listed in between" },
  },
  {
    name: "whoever is gone from two listings is not asked about",
    file: `${pull}/apply-differences.ts`,
    changes: [
      {
        from: "const answer = await ask(provider, names, origin.rules, limited);",
        to: 'const answer = { kind: "absent", by: "id" } as Awaited<ReturnType<typeof ask>>; limited.throwIfAborted(); provider satisfies object;',
      },
    ],
    caughtBy: { file: "pull", test: "is no end of somebody whom the provider finds" },
  },
  {
    name: "an empty listing is a listing",
    file: `${domain}/pull-decision.ts`,
    changes: [{ from: "if (listed === 0 && living > 0)", to: "if (listed === 0 && living < 0)" }],
    caughtBy: { file: "pull", test: "it lists nobody where there was somebody before" },
  },
  {
    name: "a walk by places takes any page for the next",
    file: "apps/reconciler/src/providers/listing.ts",
    changes: [
      { from: "if (listed > 0 && page.items[0]?.id !== last)", to: "if (listed < 0 && page.items[0]?.id !== last)" },
    ],
    caughtBy: { file: "pull", test: "changes nothing and says why > a page comes twice" },
  },
  {
    name: "the brake looks at the share alone of those who may enter and cannot",
    file: `${domain}/brake.ts`,
    changes: [
      {
        from: "if (shutOut > count && shutOut > share * mayEnter)",
        to: "if (shutOut > count && shutOut > living - share * mayEnter)",
      },
    ],
    caughtBy: { file: "pull-brake", test: "it changes nothing before it is released" },
  },
  {
    name: "a braked listing applies itself",
    file: `${store}/pull-decisions.ts`,
    changes: [{ from: 'brake === undefined ? "applying" : "braked"', to: '"applying"' }],
    caughtBy: { file: "pull-brake", test: "it changes nothing before it is released" },
  },
  {
    name: "a dry run is not dry",
    file: `${store}/pull-decisions.ts`,
    changes: [{ from: 'const state = held.dryRun || isEmpty ? "finished"', to: 'const state = isEmpty ? "finished"' }],
    caughtBy: { file: "pull", test: "and a dry run writes nothing" },
  },
  {
    name: "a listing speaks for the moment when it is applied",
    file: `${pull}/apply-differences.ts`,
    changes: [
      {
        from: "{ askedAt, seen: undefined, names, readBack: undefined, answer }",
        to: "{ askedAt: new Date(Date.now() + 60_000), seen: undefined, names, readBack: undefined, answer }",
      },
    ],
    caughtBy: { file: "pull-brake", test: "nobody of whom something was said since" },
  },
  {
    name: "a listing is released however old its word is",
    file: `${store}/pull-runs.ts`,
    changes: [
      { from: "if (await isOutdated(transaction, id))", to: 'if ((await isOutdated(transaction, id)) && id === "")' },
    ],
    caughtBy: { file: "pull-brake", test: "by what it said more than a day ago, and its release says what to do" },
  },
  {
    name: "a listing goes on however long it has waited",
    file: `${pull}/apply-differences.ts`,
    changes: [{ from: "if (await failOutdated(database, held)) return;", to: "" }],
    caughtBy: { file: "pull-brake", test: "where it was released in time and could not go on" },
  },
  {
    name: "a listing undoes what was pushed while it was made",
    file: `${store}/pull-comparison.ts`,
    changes: [{ from: "isNewer: row.updated_at >= askedAt ||", to: "isNewer: row.updated_at < new Date(0) ||" }],
    caughtBy: { file: "pull", test: "what a push says after the listing began is not undone by it" },
  },
  {
    name: "a listing that was broken off begins again",
    file: `${pull}/list-everybody.ts`,
    changes: [{ from: "isKnown ? held : { ...held, mark: null }", to: "{ ...held, mark: null }" }],
    caughtBy: { file: "pull", test: "goes on from its last page" },
  },
  {
    name: "what is not JSON is an answer without anybody",
    file: "apps/reconciler/src/providers/exchange.ts",
    changes: [
      {
        from: 'throw new ProviderFailure("malformed", "it answered what is not JSON: check its address");',
        to: "return {};",
      },
    ],
    caughtBy: { file: "pull", test: "changes nothing and says why > a page is no JSON" },
  },
  {
    name: "whatever says that there are users is a list of them",
    file: "apps/reconciler/src/providers/scim-provider.ts",
    changes: [{ from: 'if (!readList(list["schemas"], "schemas").includes(listSchema))', to: "if (!listSchema)" }],
    caughtBy: { file: "pull", test: "changes nothing and says why > a page is of something else" },
  },
  {
    name: "whoever has no id is listed under their name",
    file: "apps/reconciler/src/providers/scim-provider.ts",
    changes: [
      {
        from: 'const id = readText(user["id"], "id"); return { id, attributes: readAttributes(user, id) };',
        to: 'const id = readOptionalText(user["id"], "id") ?? readText(user["userName"], "userName"); return { id, attributes: readAttributes(user, id) };',
      },
    ],
    caughtBy: { file: "pull", test: "changes nothing and says why > somebody on a page has no id" },
  },
  {
    name: "a listing of others is a listing",
    file: `${domain}/pull-decision.ts`,
    changes: [{ from: "if (known === 0 && (living", to: "if (known < 0 && (living" }],
    caughtBy: { file: "pull", test: "it lists others, as under wrong settings" },
  },
  {
    name: "a few people under other ids have all left",
    file: `${domain}/pull-decision.ts`,
    changes: [{ from: "living >= strangersMin || named > 0", to: "living >= strangersMin" }],
    caughtBy: { file: "pull-lies", test: "a listing of two people under other ids" },
  },
  {
    name: "as many listings at once as there are providers",
    file: "apps/reconciler/src/read-backs/read-back.ts",
    changes: [{ from: "? listings >= listingsAtOnceMax", to: "? listings > listings + listingsAtOnceMax" }],
    caughtBy: { file: "read-back-outage", test: "holds up its own listings: sixteen at once stand still" },
  },
  {
    name: "a listing's rows are cleared by whoever once had it in hand",
    file: `${store}/pull-staging.ts`,
    changes: [{ from: "if (held !== undefined) await setHeld(transaction, held, sql`attempts = attempts`);", to: "" }],
    caughtBy: { file: "fence", test: "neither clears what that one has listed nor writes beside it" },
  },
  {
    name: "a listing that is in another hand is in one's own",
    file: `${store}/pull-lease.ts`,
    changes: [
      {
        from: "WHERE id = ${held.id} AND taken_by = ${held.by} AND finished_at IS NULL RETURNING id",
        to: "WHERE id = ${held.id} AND taken_by IS NOT NULL AND finished_at IS NULL RETURNING id",
      },
    ],
    caughtBy: { file: "fence", test: "neither clears what that one has listed nor writes beside it" },
  },
  {
    name: "what came of a difference is said by whoever once had the listing in hand",
    file: `${store}/pull-differences.ts`,
    changes: [{ from: "AND taken_by = ${by})", to: "AND taken_by IS NOT NULL AND ${by}::uuid IS NOT NULL)" }],
    caughtBy: { file: "fence", test: "neither compares it again nor says what came of a difference" },
  },
  {
    name: "a canary's user is one of the people",
    file: `${store}/canary.ts`,
    changes: [
      {
        from: "return sql`NOT EXISTS (SELECT FROM canary WHERE canary.user_id = ${id})`;",
        to: "return sql`NOT EXISTS (SELECT FROM canary WHERE canary.user_id IS NULL AND ${id}::uuid IS NULL)`;",
      },
    ],
    caughtBy: { file: "canary", test: "is no person to admins" },
  },
  {
    name: "a canary is not cleaned up after",
    file: "apps/reconciler/src/canary/canary-round.ts",
    changes: [
      { from: "if (userId !== undefined) await remove(parts, users, round, userId);", to: "userId ??= undefined;" },
    ],
    caughtBy: { file: "canary", test: "leaves nobody alive behind" },
  },
];
