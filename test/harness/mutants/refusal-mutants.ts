import type { Mutant } from "./mutant.ts";

const guard = "apps/guard/src";
const report = `${guard}/refusal-report.ts`;
const matrix = { file: "refusal-matrix", test: "revoked looks like every refusal" };

/** Mistakes by which a stranger is told why, nobody is, or a thief passes. */
export const refusalMutants: readonly Mutant[] = [
  {
    name: "an adapter tells a stranger why",
    file: "apps/guard/src/adapters/answer.ts",
    changes: [
      {
        from: 'return reason === "token_missing" ? missing : invalid;',
        to: 'return reason === "token_missing" ? missing : { ...invalid, headers: { ...invalid.headers, "x-reason": reason } };',
      },
    ],
    caughtBy: matrix,
  },
  {
    name: "authz tells a stranger why",
    file: "apps/authz/src/answer.ts",
    changes: [{ from: "body: invalidBody };", to: "body: problem(401, reason) };" }],
    caughtBy: matrix,
  },
  {
    name: "authz refuses over gRPC and logs nothing of why",
    file: "apps/authz/src/authz-grpc.ts",
    changes: [{ from: 'log.info({ request: requestId, reason, iss }, "refused");', to: "" }],
    caughtBy: matrix,
  },
  {
    name: "a request's name is cut wherever it is too long",
    file: report,
    changes: [
      { from: '.replace(/[\\ud800-\\udbff]$/, "")', to: "" },
      { from: "return isTellable(request) ?", to: 'return request !== "" ?' },
    ],
    caughtBy: { file: "refusals", test: "what a guard cannot tell is left out of its report" },
  },
  {
    name: "a subject is told whatever it is",
    file: report,
    changes: [{ from: "? isTellable(subject)", to: '? subject !== ""' }],
    caughtBy: { file: "refusals", test: "what a guard cannot tell is left out of its report" },
  },
  {
    name: "a tenant is told whatever it is",
    file: report,
    changes: [
      { from: "if (tenant !== undefined && isTellable(tenant)) return", to: "if (tenant !== undefined) return" },
    ],
    caughtBy: { file: `${guard}/refusal-report`, test: "a tenant that cannot be told is left out" },
  },
  {
    name: "a report grows with what is refused",
    file: report,
    changes: [{ from: "else if (open.counts.size >= countsMax) return false;", to: "" }],
    caughtBy: { file: `${guard}/refusal-report`, test: "however much is refused, a report has its size" },
  },
  {
    name: "what a report has no room for is forgotten",
    file: report,
    changes: [
      { from: "if (!note(parts, open, decision, request)) drop(1);", to: "note(parts, open, decision, request);" },
    ],
    caughtBy: { file: `${guard}/refusal-report`, test: "however much is refused, a report has its size" },
  },
  {
    name: "every refusal is told one by one",
    file: report,
    changes: [{ from: "if (alike < toldOfReasonMax && open.told.length < toldMax) {", to: "{" }],
    caughtBy: { file: `${guard}/refusal-report`, test: "however much is refused, a report has its size" },
  },
  {
    name: "a report may be of any length",
    file: "apps/feed/src/refusal-report.ts",
    changes: [
      {
        from: "if (!Array.isArray(value) || value.length > lengthMax)",
        to: "if (!Array.isArray(value) || lengthMax < 0)",
      },
    ],
    caughtBy: { file: "refusals", test: "a gateway's report > that is not one is refused" },
  },
  {
    name: "each report has room of its own",
    file: "apps/core/src/store/refusals.ts",
    changes: [{ from: "WHERE counted.told - said.alike + said.place <=", to: "WHERE said.place <=" }],
    caughtBy: { file: "refusals", test: "is counted whole, kept in part, and counted once" },
  },
  {
    name: "a gateway speaks for whatever tenant it names",
    file: "apps/feed/src/refusal-taker.ts",
    changes: [
      {
        from: "if (tenantId !== undefined) return recordRefusals(",
        to: "if (tenantId !== undefined && report.counts.every(({ tenant }) => tenant === undefined)) return recordRefusals(",
      },
    ],
    caughtBy: { file: "refusals", test: "of a tenant's gateway counts for that tenant, whomever it names" },
  },
  {
    name: "a refused key verifies all the same",
    file: "apps/guard/src/key-set.ts",
    changes: [
      {
        from: "return keys.filter((key) => !refused.some((one) => one.kid === key.kid || isSameKey(one, key)));",
        to: "return keys;",
      },
    ],
    caughtBy: { file: "stolen-key", test: "a stolen key makes no user" },
  },
];
