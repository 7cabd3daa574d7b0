import type { Mutant } from "./mutant.ts";

const providers = "apps/reconciler/src/providers";

/** Ways to believe an identity provider too much: a short list is a list of leavers. */
export const providerMutants: readonly Mutant[] = [
  {
    name: "a list is whole when its pages end",
    file: `${providers}/scim-provider.ts`,
    changes: [
      {
        from: "if (total !== undefined && listed !== total)",
        to: "if (total !== undefined && listed < 0)",
      },
    ],
    caughtBy: { file: "provider-listing", test: "SCIM by cursor is held to its total > which is 100 from" },
  },
  {
    name: "a page that does not come is the last",
    file: `${providers}/listing.ts`,
    changes: [
      {
        from: "throw partOf(error, signal); });",
        to: "if (signal.aborted) throw error; return { status: 200, body: [], links: undefined } as Answer; });",
      },
    ],
    caughtBy: {
      file: "provider-listing",
      test: "Okta with an API token lists everybody or nobody > not when the second page fails",
    },
  },
  {
    name: "pages by place are put together as they come",
    file: `${providers}/listing.ts`,
    changes: [
      {
        from: "if (listed > 0 && page.items[0]?.id !== last) throw",
        to: "if (listed > 0 && page.items[0] === undefined) throw",
      },
    ],
    caughtBy: { file: "provider-listing", test: "Keycloak > passes nobody over when one leaves and one comes" },
  },
  {
    name: "nobody looks beyond the total",
    file: `${providers}/listing.ts`,
    changes: [
      {
        from: "const beyond = last === undefined ? undefined : await read(total - 1);",
        to: "const beyond = undefined as CountedPage<Item> | undefined;",
      },
    ],
    caughtBy: { file: "provider-listing", test: "SCIM by index is held to its total > which is -1 from" },
  },
  {
    name: "who is listed twice is one more",
    file: `${providers}/listing.ts`,
    changes: [{ from: 'if (seen.has(id)) throw incomplete("somebody was listed twice");', to: "" }],
    caughtBy: {
      file: "provider-listing",
      test: "Okta with an API token lists everybody or nobody > not when the second page is the first",
    },
  },
  {
    name: "a list of nobody is a list",
    file: `${providers}/listing.ts`,
    changes: [{ from: "if (isEmpty) throw", to: "if (false) throw" }],
    caughtBy: {
      file: "provider-listing",
      test: "Google Directory lists everybody or nobody > not when it has nobody to show",
    },
  },
  {
    name: "a link takes the credential anywhere",
    file: `${providers}/exchange.ts`,
    changes: [{ from: "if (!isWithin(base, asked.url))", to: "if (!isWithin(base, base))" }],
    caughtBy: {
      file: "provider-listing",
      test: "Okta with an API token follows no link that leads elsewhere > to another port",
    },
  },
  {
    name: "whatever is there is true",
    file: `${providers}/reading.ts`,
    changes: [{ from: 'throw malformed(what, "true or false");', to: "return Boolean(value);" }],
    caughtBy: {
      file: "provider-listing",
      test: "Keycloak lists everybody or nobody > not when somebody is active by a word",
    },
  },
  {
    name: "any 404 means that somebody is gone",
    file: `${providers}/okta-provider.ts`,
    changes: [{ from: '!== "E0000007"', to: '=== "E0000001"' }],
    caughtBy: {
      file: "provider-reading",
      test: "Okta with an API token is not believed that somebody is gone > where a 404 is in words",
    },
  },
  {
    name: "a search has found whom it was for",
    file: `${providers}/names.ts`,
    changes: [
      {
        from: "if (!found.every((one) => isCalled(one, lookUp)))",
        to: "if (!found.every((one) => isCalled(one, lookUp) || true))",
      },
    ],
    caughtBy: { file: "provider-reading", test: "Keycloak > searches that find others" },
  },
  {
    name: "who may see nobody is told that somebody is gone",
    file: `${providers}/keycloak-provider.ts`,
    changes: [
      {
        from: "if (user === undefined && (await count(signal)) === 0)",
        to: "if (user === undefined && (await count(signal)) < 0)",
      },
    ],
    caughtBy: { file: "provider-reading", test: "Keycloak > that shows nobody at all" },
  },
  {
    name: "an old mark goes on from now",
    file: `${providers}/graph-provider.ts`,
    changes: [
      {
        from: "if (answer.status !== 200) throw refusedMark(answer);",
        to: "if (answer.status !== 200) return { changed, deleted, next: refusedMark(answer).message };",
      },
    ],
    caughtBy: { file: "provider-changes", test: "where the mark is too old (syncStateNotFound)" },
  },
  {
    name: "a delta says all of a user",
    file: `${providers}/graph-provider.ts`,
    changes: [
      {
        from: 'deleted: [...deleted, ...idsOf("gone")],',
        to: "deleted: [...deleted],",
      },
    ],
    caughtBy: { file: "provider-changes", test: "of somebody who is gone by the time" },
  },
  {
    name: "an operator may open what tells a machine its secrets",
    file: "apps/core/src/runtime/reach.ts",
    changes: [{ from: "isIn(own, address) && !isIn(linkLocal, address)", to: "isIn(own, address)" }],
    caughtBy: { file: "provider-addresses", test: "is never the address that tells a machine" },
  },
  {
    name: "in Active Directory only what was disabled has ended",
    file: `${providers}/ldap-entry.ts`,
    changes: [{ from: "&& !isExpired(entry, now)", to: "" }],
    caughtBy: { file: "provider-ldap", test: "who is disabled or has had their last day" },
  },
  {
    name: "what cannot be read of one user keeps every change waiting",
    file: `${providers}/graph-provider.ts`,
    changes: [
      {
        from: 'if (error instanceof ProviderFailure && error.reason === "malformed") return { id, user: "malformed" };',
        to: "",
      },
    ],
    caughtBy: { file: "source-graph", test: "keeps nobody else waiting where what is said of one" },
  },
  {
    name: "what cannot be read of a change is let go",
    file: "apps/reconciler/src/read-backs/provider-changes.ts",
    changes: [
      { from: "for (const id of unread) await askAgain(parts.database, tenantId, connectionId, { id });", to: "" },
    ],
    caughtBy: { file: "source-graph", test: "keeps nobody else waiting where what is said of one" },
  },
];
