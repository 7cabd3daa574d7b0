import type { Mutant } from "./mutant.ts";

const domain = "apps/core/src/domain";

/** Mistakes by which somebody is told another cause than there is, a refusal is not counted, or a stranger is told too much. */
export const explainMutants: readonly Mutant[] = [
  {
    name: "explain tells a tenant's admin of other tenants",
    file: "apps/console/src/explain-question.ts",
    changes: [{ from: "const isOperator = admin.tenantId === undefined;", to: "const isOperator = true;" }],
    caughtBy: { file: "explain-secrecy", test: "a tenant's admin learns nothing of another tenant" },
  },
  {
    name: "explain names whoever acted last for a denial",
    file: "apps/core/src/store/explain-revocations.ts",
    changes: [
      {
        from: "action = CASE revocation.reason WHEN 'admin_suspended' THEN 'user.suspend' ELSE 'revocation.deny' END",
        to: "(action LIKE 'revocation.%' OR action = 'user.suspend')",
      },
    ],
    caughtBy: { file: "explain", test: "whoever denied somebody is named for it" },
  },
  {
    name: "explain takes a whole minute for a few of its seconds",
    file: "apps/core/src/store/refusals-told.ts",
    changes: [
      {
        from: "await countWithin(database, tenantId, span);",
        to: "await countRefusals(database, tenantId, from, to);",
      },
    ],
    caughtBy: { file: "explain", test: "a few seconds are told of what was refused in them" },
  },
  {
    name: "explain shows a token that cannot be read",
    file: "apps/console/src/token-text.ts",
    changes: [
      {
        from: 'return { why: "it contains characters that are not base64url" };',
        to: "return { why: `${token} contains characters that are not base64url` };",
      },
      {
        from: 'return { why: "it begins with Bearer, which belongs to the header and not to the token" };',
        to: "return { why: `${token} begins with Bearer` };",
      },
    ],
    caughtBy: { file: "explain-secrecy", test: "a token is never stored, never logged and never shown back" },
  },
  {
    name: "explain brings the user into step while it looks",
    file: "apps/core/src/store/explain-standings.ts",
    changes: [
      {
        from: "if (connectionIds.length === 0) return [];",
        to: "if (connectionIds.length === 0) return []; await transaction.query(sql`UPDATE directory_user SET updated_at = clock_timestamp()`);",
      },
    ],
    caughtBy: { file: "explain-secrecy", test: "explaining changes nothing" },
  },
  {
    name: "a user store that does not answer is a subject that nobody knows",
    file: "apps/core/src/store/explain-facts.ts",
    changes: [{ from: "gateways: [], unreachable };", to: "gateways: [] };" }],
    caughtBy: { file: "explain-causes", test: "user_store_unreachable" },
  },
  {
    name: "a gateway's own reason is passed over for what else is wrong",
    file: `${domain}/explain.ts`,
    changes: [
      {
        from: "(question.token === undefined ? decisiveCause(question.refused) : undefined) ??",
        to: "",
      },
    ],
    caughtBy: { file: "explain", test: "a request's id is answered for the one whom the gateway refused" },
  },
  {
    name: "what is over is still the cause",
    file: `${domain}/explain-refusal.ts`,
    changes: [{ from: "last > refused.at.getTime() - heardWithinMs", to: "false" }],
    caughtBy: { file: "explain-causes", test: "cause_gone" },
  },
  {
    name: "what the client asked for is read as the gateway's word",
    file: `${domain}/explain-line.ts`,
    changes: [{ from: 'const own = line.replaceAll(requestLine, "");', to: "const own = line;" }],
    caughtBy: { file: "explain", test: "a line of a log that names nothing else" },
  },
  {
    name: "a report that comes twice counts twice",
    file: "apps/core/src/store/refusals.ts",
    changes: [
      {
        from: "ON CONFLICT DO NOTHING RETURNING id",
        to: "ON CONFLICT (tenant_id, id) DO UPDATE SET received_at = now() RETURNING id",
      },
    ],
    caughtBy: { file: "refusals", test: "is counted whole, kept in part, and counted once" },
  },
  {
    name: "what is not kept is not counted",
    file: "apps/core/src/store/refusals.ts",
    changes: [
      {
        from: "DO UPDATE SET count = own.count + excluded.count,",
        to: "DO UPDATE SET count = own.count + excluded.told,",
      },
    ],
    caughtBy: { file: "refusals", test: "from many gateways at once loses no count" },
  },
  {
    name: "a gateway of all tenants reports to whichever tenant names the issuer first",
    file: "apps/feed/src/refusal-taker.ts",
    changes: [
      {
        from: "only !== undefined && others.length === 0 ? only : houseFeedId",
        to: "only ?? (others[0] ?? houseFeedId)",
      },
    ],
    caughtBy: { file: "refusals", test: "by a gateway of all tenants counts for the tenant whose token it was" },
  },
  {
    name: "a gateway of a hashed feed names whom it refuses",
    file: "apps/guard/src/refusal-report.ts",
    changes: [
      {
        from: "settings.subjectKey === undefined ? isTellable(subject)",
        to: "settings.subjectKey !== null ? isTellable(subject)",
      },
    ],
    caughtBy: { file: "explain-lines", test: "of a gateway that names nobody" },
  },
];
