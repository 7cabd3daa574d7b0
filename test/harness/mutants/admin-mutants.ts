import type { Mutant } from "./mutant.ts";

const console = "apps/console/src";
const store = "apps/core/src/store";

/** Mistakes about who may do what in the admin API, and about what they find there. */
export const adminMutants: readonly Mutant[] = [
  {
    name: "whoever has a role may do everything",
    file: `${console}/admin-door.ts`,
    changes: [{ from: "if (!roleSuffices(role, about.role))", to: "if (role === undefined)" }],
    caughtBy: { file: "roles", test: "an operator sets right what is wrong, and says nobody may speak" },
  },
  {
    name: "a session answers a form of another site",
    file: `${console}/admin-door.ts`,
    changes: [{ from: "if (session !== undefined) refuseForeign(door.publicUrl, request);", to: "" }],
    caughtBy: { file: "login", test: "changes nothing with no header and no origin" },
  },
  {
    name: "an origin is ours if it begins as ours",
    file: `${console}/session-cookie.ts`,
    changes: [{ from: "origin === new URL(publicUrl).origin", to: "origin.startsWith(new URL(publicUrl).origin)" }],
    caughtBy: { file: "login", test: "changes nothing with an origin that begins as ours" },
  },
  {
    name: "a login believes the state that it is brought",
    file: `${console}/login-provider.ts`,
    changes: [
      {
        from: "expectedState: state,",
        to: 'expectedState: new URLSearchParams(query).get("state") ?? state,',
      },
    ],
    caughtBy: { file: "login", test: "is refused under another state than the browser's own" },
  },
  {
    name: "a login ends at whatever address it was begun with",
    file: `${console}/login-routes.ts`,
    changes: [
      {
        from: "const { origin, pathname, search, hash } = new URL(to, publicUrl);",
        to: "if (to.length > 0) return to; const { origin, pathname, search, hash } = new URL(to, publicUrl);",
      },
    ],
    caughtBy: { file: "login", test: "is never sent elsewhere by //evil.test/" },
  },
  {
    name: "whoever logs in properly has tried as whoever fails",
    file: `${console}/login-routes.ts`,
    changes: [
      {
        from: "if (known === undefined) { attempts.fail(request.ip);",
        to: "attempts.fail(request.ip); if (known === undefined) {",
      },
    ],
    caughtBy: { file: "roles", test: "whoever logs in properly is never locked out" },
  },
  {
    name: "a token is guessed for as long as one likes",
    file: `${console}/login-routes.ts`,
    changes: [{ from: "if (known === undefined) { attempts.fail(request.ip);", to: "if (known === undefined) {" }],
    caughtBy: { file: "roles", test: "whoever logs in properly is never locked out" },
  },
  {
    name: "who has failed too often has failed for good",
    file: `${console}/login-attempts.ts`,
    changes: [{ from: "if (atMs - beganAtMs < windowMs &&", to: "if (windowMs > 0 &&" }],
    caughtBy: { file: "apps/console/src/login-attempts", test: "are heard again a minute after the first" },
  },
  {
    name: "who fails keeps everybody out",
    file: `${console}/login-attempts.ts`,
    changes: [{ from: "const count = counts.get(address) ?? 0;", to: "const count = all;" }],
    caughtBy: { file: "apps/console/src/login-attempts", test: "are nobody else's" },
  },
  {
    name: "whoever follows a tenant outlives their session",
    file: `${console}/stream-routes.ts`,
    changes: [
      {
        from: 'may ? reply.raw.write(": still here\\n\\n") : reply.raw.end(),',
        to: 'may === undefined ? reply.raw.end() : reply.raw.write(": still here\\n\\n"),',
      },
    ],
    caughtBy: { file: "admin-lists", test: "is told no more once their token is revoked or their session is over" },
  },
  {
    name: "a page that is left open is somebody who does something",
    file: `${console}/stream-routes.ts`,
    changes: [{ from: "authenticated(door, request, false)", to: "authenticated(door, request, true)" }],
    caughtBy: { file: "admin-lists", test: "is told no more once their token is revoked or their session is over" },
  },
  {
    name: "whoever has left is written to for ever",
    file: `${console}/stream-routes.ts`,
    changes: [{ from: "clearInterval(comment);", to: "" }],
    caughtBy: { file: "admin-lists", test: "costs nothing any more once they have left" },
  },
  {
    name: "whoever reads nothing and is told no more ends the process",
    file: `${console}/stream-routes.ts`,
    changes: [{ from: 'reply.raw.on("error", () => undefined);', to: "" }],
    caughtBy: { file: "admin-stream", test: "reads nothing of it ends nobody but themselves" },
  },
  {
    name: "a tenant is looked at though nobody follows it",
    file: `${console}/stream-routes.ts`,
    changes: [{ from: "stop(); open.delete(reply);", to: "open.delete(reply);" }],
    caughtBy: { file: "admin-lists", test: "costs nothing any more once they have left" },
  },
  {
    name: "whoever left before they were answered is answered",
    file: `${console}/stream-routes.ts`,
    changes: [{ from: "if (reply.raw.destroyed) return reply.hijack();", to: "" }],
    caughtBy: { file: "admin-lists", test: "costs nothing any more once they have left" },
  },
  {
    name: "a provider's secret goes to whatever host an admin names",
    file: `${store}/providers.ts`,
    changes: [{ from: "isElsewhere(kind, known.settings ?? {}, settings))", to: "settings === undefined)" }],
    caughtBy: {
      file: "provider-admin",
      test: "shows its secret to no other host than the one that it was given for",
    },
  },
  {
    name: "a polled stream's secret goes to whatever host an admin names",
    file: `${console}/source-routes.ts`,
    changes: [{ from: "isElsewhere(before, body.settings))", to: "before === undefined)" }],
    caughtBy: { file: "source-admin", test: "the secret of a stream that is polled goes to no other host" },
  },
  {
    name: "what a source said at one moment is on one page or on none",
    file: `${store}/source-events.ts`,
    changes: [
      {
        from: "(accepted_at, event_id) < (${after.at}::timestamptz, ${after.id})",
        to: "accepted_at < ${after.at}::timestamptz AND event_id <> ${after.id}",
      },
    ],
    caughtBy: { file: "admin-lists", test: "is listed from the newest, each once, however many came at one moment" },
  },
  {
    name: "nobody who looks is told of what was given up",
    file: `${store}/admin-changes.ts`,
    changes: [{ from: "waiting.oldest, dead.count, dead.newest, dead.dropped)", to: "waiting.oldest)" }],
    caughtBy: { file: "admin-marks", test: "when an event is given up" },
  },
  {
    name: "what stands already is told as if it had not",
    file: `${store}/key-revocations.ts`,
    changes: [{ from: "if (changed > 0) await audit(", to: "if (changed >= 0) await audit(" }],
    caughtBy: { file: "audit", test: "whoever changes nothing is in no audit" },
  },
  {
    name: "a change is answered with a tag that nobody reads",
    file: `${store}/admin-connections.ts`,
    changes: [
      {
        from: "const after = await write(transaction, wanted);",
        to: "await write(transaction, wanted); const after = wanted;",
      },
    ],
    caughtBy: {
      file: "admin-connections",
      test: 'goes by the tag that the change before it has answered: {"pull":{"everySec":3600',
    },
  },
  {
    name: "a session outlives its logout",
    file: `${store}/sessions.ts`,
    changes: [{ from: "AND session.ended_at IS NULL", to: "" }],
    caughtBy: { file: "login", test: "ends at logout" },
  },
  {
    name: "a session outlives its token",
    file: `${store}/sessions.ts`,
    changes: [{ from: "AND credential.revoked_at IS NULL", to: "" }],
    caughtBy: { file: "login", test: "of a token may what the token may, and ends with it" },
  },
  {
    name: "a connection that is paused takes no denials",
    file: "apps/ingest/src/scim/admit-request.ts",
    changes: [{ from: 'kind !== "denials" && ', to: "" }],
    caughtBy: { file: "admin-connections", test: "takes denials, whichever way they are said" },
  },
  {
    name: "a connection is ended with its users though nobody said so",
    file: `${store}/connection-removal.ts`,
    changes: [{ from: "if (living > 0 && !isConfirmed)", to: "if (living < 0 && !isConfirmed)" }],
    caughtBy: { file: "admin-connections", test: "takes its users' access with it, and only where that was said" },
  },
  {
    name: "users of an ended connection come back once no token of theirs lives",
    file: `${store}/connection-removal.ts`,
    changes: [{ from: "'admin_suspended', whom.id", to: "'idp_deleted', whom.id" }],
    caughtBy: { file: "admin-connections", test: "takes its users' access with it, and only where that was said" },
  },
  {
    name: "the last writer wins, whatever it has read",
    file: `${store}/admin-connections.ts`,
    changes: [{ from: "expected?.(before);", to: "" }],
    caughtBy: { file: "admin-connections", test: "is refused once somebody else has changed it" },
  },
  {
    name: "a tenant is told who the house's operators are",
    file: `${store}/audit-list.ts`,
    changes: [{ from: "tenantId === undefined || !row.house", to: "true" }],
    caughtBy: { file: "admin-lists", test: "is listed from the newest, by who, what and to what" },
  },
  {
    name: "a rare event behind many others is not found",
    file: `${store}/admin-events.ts`,
    changes: [{ from: "WHERE (SELECT count(*) FROM looked) = ${windowMax}", to: "WHERE false" }],
    caughtBy: { file: "admin-lists", test: "that are rare among very many are found page by page" },
  },
];
