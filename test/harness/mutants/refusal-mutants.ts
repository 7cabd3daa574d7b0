import type { Mutant } from "./mutant.ts";

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
