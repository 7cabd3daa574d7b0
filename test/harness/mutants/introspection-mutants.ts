import type { Mutant } from "./mutant.ts";

const introspection = "apps/feed/src/introspection.ts";
const standing = "apps/core/src/store/token-standing.ts";
const file = "introspect";

/** Mistakes by which a token that is dead would be told to be active, or one that lives to be dead. */
export const introspectionMutants: readonly Mutant[] = [
  {
    name: "introspection forgets what was struck before it was lifted",
    file: standing,
    changes: [{ from: 'return denied || tooOld ? { status: "struck" }', to: 'return denied ? { status: "struck" }' }],
    caughtBy: { file, test: "who comes back is admitted with a new token" },
  },
  {
    name: "introspection does not see a denial that waits to be applied",
    file: standing,
    changes: [{ from: "[entries?.nbf ?? undefined, waiting]", to: "[entries?.nbf ?? undefined]" }],
    caughtBy: { file, test: "lifted before any worker came to it" },
  },
  {
    name: "introspection looks at subjects alone",
    file: standing,
    changes: [{ from: "return denied || tooOld ?", to: "return tooOld ?" }],
    caughtBy: { file, test: "an entry for a session, a token" },
  },
  {
    name: "introspection asks every tenant that names the issuer",
    file: introspection,
    changes: [
      {
        from: "bearer.tenantId === undefined ? await tenantsOfIssuer(database, iss) : [bearer.tenantId]",
        to: "await tenantsOfIssuer(database, iss)",
      },
    ],
    caughtBy: { file, test: "another tenant's token is inactive" },
  },
  {
    name: "of two tenants that let a token in, introspection takes the first",
    file: introspection,
    changes: [{ from: "return active.length === 1 ? active[0] : undefined;", to: "return active[0];" }],
    caughtBy: { file, test: "a gateway of all tenants" },
  },
  {
    name: "introspection calls a token inactive whose keys it could not fetch",
    file: introspection,
    changes: [{ from: 'else if (judged.reason === "keys_unavailable")', to: "else if (false)" }],
    caughtBy: { file, test: "where the issuer's keys cannot be had" },
  },
  {
    name: "introspection believes whatever id a client gives itself",
    file: "apps/feed/src/introspection-routes.ts",
    changes: [{ from: "(clientId !== undefined && clientId !== bearer.credentialId)", to: "false" }],
    caughtBy: { file, test: "401: a client that is nobody" },
  },
];
