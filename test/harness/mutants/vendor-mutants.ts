import type { Mutant } from "./mutant.ts";

const hooks = "apps/ingest/src/hooks";
const doors = "source-doors";

/** Mistakes in reading what each vendor sends. */
export const vendorMutants: readonly Mutant[] = [
  {
    name: "a delivery needs no proof where the sender shows none",
    file: `${hooks}/authorization.ts`,
    changes: [
      {
        from: "if (!isSecret(headers.authorization",
        to: "if (headers.authorization !== undefined && !isSecret(headers.authorization",
      },
    ],
    caughtBy: { file: doors, test: "okta > is not believed without proof" },
  },
  {
    name: "any secret will do",
    file: `${hooks}/verification.ts`,
    changes: [
      {
        from: "secrets.filter((secret) => sameText(sent, secret)).length > 0",
        to: 'sent !== "" && secrets.length > 0',
      },
    ],
    caughtBy: { file: doors, test: "auth0 > is not believed at another source's address" },
  },
  {
    name: "Keycloak is believed where its signature is not a source's",
    file: `${hooks}/sources/keycloak.ts`,
    changes: [
      {
        from: 'if (!isSecret(request.headers["x-keycloak-signature"]?.toString(), expected)) throw unverified();',
        to: 'if (request.headers["x-keycloak-signature"] === undefined) throw unverified();',
      },
    ],
    caughtBy: {
      file: doors,
      test: "keycloak_hmac > is not believed without proof, with another's, or with one for another",
    },
  },
  {
    name: "a token of the realm is good for any body",
    file: `${hooks}/sources/keycloak.ts`,
    changes: [
      {
        from: 'sameText(hash, createHash("sha256").update(body).digest("hex"))',
        to: 'hash !== createHash("sha256").digest("hex")',
      },
    ],
    caughtBy: { file: "source-keycloak", test: "is not believed for another body" },
  },
  {
    name: "WorkOS' signature is good for ever",
    file: `${hooks}/sources/workos.ts`,
    changes: [{ from: "requireFresh(Number(time), receivedAt, toleranceSec);", to: "" }],
    caughtBy: { file: doors, test: "a signature of WorkOS' that is older than three minutes is a replay" },
  },
  {
    name: "the former secret is forgotten at once",
    file: `${hooks}/authorization.ts`,
    changes: [{ from: ", secrets)) throw", to: ", secrets.slice(0, 1))) throw" }],
    caughtBy: { file: doors, test: "okta > is believed with both secrets" },
  },
  {
    name: "an Okta event is known by the delivery that it came in",
    file: `${hooks}/sources/okta.ts`,
    changes: [
      {
        from: "(event) => read(event, applicationId),",
        to: '(event) => read({ ...event, uuid: objectOf(readVendorJson(request.body))["eventId"] ?? null }, applicationId),',
      },
    ],
    caughtBy: { file: "source-okta", test: "several events in one delivery > count once each" },
  },
  {
    name: "what did not succeed at Okta has happened",
    file: `${hooks}/sources/okta.ts`,
    changes: [{ from: 'typeof result === "string" && result !== "SUCCESS"', to: 'result === "NEVER"' }],
    caughtBy: { file: "source-okta", test: "denies nobody: an outcome other than SUCCESS" },
  },
  {
    name: "one event that cannot be read takes its whole delivery with it",
    file: `${hooks}/vendor-delivery.ts`,
    changes: [
      { from: "if (!(error instanceof DirectoryError)) throw error;", to: "if (error instanceof Error) throw error;" },
    ],
    caughtBy: { file: "source-okta", test: "are each heard for itself" },
  },
  {
    name: "any application's removal shuts its user out",
    file: `${hooks}/sources/okta.ts`,
    changes: [{ from: "targets.some(({ id }) => id === applicationId);", to: "targets.length > 0;" }],
    caughtBy: { file: "source-okta", test: "denies them where it is ours, and only then" },
  },
  {
    name: "a vendor's JSON is refused for what users write into it",
    file: `${hooks}/vendor-json.ts`,
    changes: [
      {
        from: "return parsedJson(vendorText(bytes));",
        to: 'const text = vendorText(bytes); if (text.includes("__proto__")) throw new DirectoryError("syntax_invalid", ""); return parsedJson(text);',
      },
    ],
    caughtBy: { file: doors, test: "auth0 > shuts out whoever its recorded delivery says has left" },
  },
  {
    name: "Auth0's silence about a block lifts it",
    file: `${hooks}/sources/auth0.ts`,
    changes: [{ from: 'return kind === "created" ? true : undefined;', to: "return true;" }],
    caughtBy: { file: "source-auth0", test: "that says nothing of a block lifts none" },
  },
  {
    name: "a test of Auth0's stream is an event",
    file: `${hooks}/sources/auth0.ts`,
    changes: [{ from: 'event["a0purpose"] === "test"', to: 'event["a0purpose"] === "never"' }],
    caughtBy: { file: "source-auth0", test: "that is only tried out changes nothing" },
  },
  {
    name: "what an admin asked of Auth0 is done to the admin",
    file: `${hooks}/sources/auth0-logs.ts`,
    changes: [
      {
        from: 'const said = type === "sapi" ? requestOf(objectOf(data["details"])) : ofUser(type, data);',
        to: 'const asked = type === "sapi" ? requestOf(objectOf(data["details"])) : ofUser(type, data); const said = asked === undefined ? undefined : { ...asked, id: textOf(data["user_id"]) };',
      },
    ],
    caughtBy: { file: "source-auth0", test: "shuts out whom an admin has blocked" },
  },
  {
    name: "Keycloak's enabled is not looked at",
    file: `${hooks}/sources/keycloak.ts`,
    changes: [
      {
        from: 'active: user["enabled"] === undefined || user["enabled"] === null ? undefined : user["enabled"] === true,',
        to: "active: undefined,",
      },
    ],
    caughtBy: { file: "source-keycloak", test: "tells a whole life" },
  },
  {
    name: "a denial in JSON that is cut off is no more than a change",
    file: `${hooks}/sources/keycloak.ts`,
    changes: [{ from: 'return deniesUnread(representation) ? { kind: "disabled" } : {};', to: "return {};" }],
    caughtBy: { file: "source-keycloak", test: "whose inner JSON is cut off" },
  },
  {
    name: "whoever loses a login at Keycloak is deleted",
    file: `${hooks}/sources/keycloak.ts`,
    changes: [{ from: 'if (part !== undefined) return [told(uid, { ...base, kind: "changed" })];', to: "" }],
    caughtBy: { file: "source-keycloak", test: "of a login that is taken from a user deletes nobody" },
  },
  {
    name: "every customer's directory at WorkOS is ours",
    file: `${hooks}/sources/workos.ts`,
    changes: [{ from: '!== source.settings["directory"]', to: '=== "none"' }],
    caughtBy: { file: "source-workos", test: "of another customer's directory is nobody here" },
  },
  {
    name: "one event that fails keeps back all that come after it",
    file: `${hooks}/event-intake.ts`,
    changes: [{ from: "if (isTransient(error)) throw error;", to: "if (!isTransient(undefined)) throw error;" }],
    caughtBy: { file: "source-acknowledgement", test: "an event that ails keeps back no other" },
  },
  {
    name: "WorkOS is acknowledged though the commit failed",
    file: `${hooks}/event-intake.ts`,
    changes: [{ from: "if (failures.length > 0) throw failures[0];", to: "" }],
    caughtBy: {
      file: "source-acknowledgement",
      test: "workos is not told that a leaver is out > by a commit that fails (refused true)",
    },
  },
];
