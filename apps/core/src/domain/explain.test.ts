import { describe, expect, test } from "vitest";
import type { Connection } from "./connection.ts";
import { explain } from "./explain.ts";
import type {
  Candidate,
  ExplainQuestion,
  GatewayFact,
  RevocationFact,
  SubjectFacts,
  TokenFacts,
} from "./explain-facts.ts";

const nowMs = Date.parse("2026-11-21T12:00:00Z");
const nowSec = nowMs / 1_000;
const iss = "https://idp.test";

const okta: Connection = {
  id: "c-okta",
  tenantId: "t",
  slug: "okta",
  name: "Okta",
  kind: "okta",
  dialect: {},
  issuers: [iss],
  audience: "api",
  subjectClaim: "sub",
  subjectRule: "attribute",
  subjectAttribute: "externalId",
  subjectCompare: "exact",
  tokenLifetimeSec: 3_600,
  schemasVersion: 0,
  rates: {},
};
const ann: Candidate = {
  directoryUserId: "d-ann",
  userId: "u-ann",
  connection: okta,
  subject: "00u1Ann",
  userName: "ann@example.test",
  externalId: "00u1Ann",
  active: true,
  deletedAt: undefined,
  version: 2,
  appliedVersion: 2,
  left: undefined,
  waiting: undefined,
  dead: undefined,
  denials: [],
};
const known: SubjectFacts = {
  connections: [okta],
  candidates: [ann],
  identities: [{ iss, sub: "00u1Ann", userId: "u-ann", directoryUserId: "d-ann", alias: false }],
  revocations: [],
  gateways: [],
  otherTenants: [],
};
const edge: GatewayFact = {
  name: "edge",
  follows: "tenant",
  standing: "live",
  seq: 7,
  seqAt: new Date(nowMs - 1_000),
  behind: 0,
  asOfAgeMs: 100,
};
const entry: RevocationFact = {
  deny: false,
  nbf: undefined,
  reason: "lifted",
  since: new Date(nowMs),
  by: undefined,
  published: true,
  scope: "sub",
  forgottenAt: undefined,
  seq: 7,
  houseSeq: undefined,
  enforcedAt: undefined,
};
const stranger: SubjectFacts = { ...known, candidates: [], identities: [] };
const good: Extract<TokenFacts, { kind: "read" }> = {
  kind: "read",
  alg: "RS256",
  typ: "at+jwt",
  iss,
  aud: "api",
  exp: nowSec + 600,
  nbf: undefined,
  iat: nowSec - 60,
  signature: { kind: "valid" },
};

function asked(sub: unknown, token: TokenFacts = good): ExplainQuestion {
  return { token, iss, sub, subjectClaim: "sub" };
}
function verdict(question: ExplainQuestion, facts: SubjectFacts): string {
  return explain(question, facts, nowMs).verdict.code;
}
function withAnn(change: Partial<Candidate>, more: Partial<SubjectFacts> = {}): SubjectFacts {
  return { ...known, candidates: [{ ...ann, ...change }], ...more };
}

describe("what the token says of itself", () => {
  test("a good token of a user in step is let in, and every step says what it saw", () => {
    const { verdict: answer, steps } = explain(asked("00u1Ann"), known, nowMs);
    expect(answer.code).toBe("ok");
    expect(steps.every(({ evidence }) => evidence !== "")).toBe(true);
    expect(steps.filter(({ status }) => status === "problem")).toEqual([]);
  });
  test.each([
    ["signature_invalid", { signature: { kind: "invalid" } }],
    ["algorithm_not_allowed", { alg: "none", signature: { kind: "algorithm_not_allowed" } }],
    ["key_unknown", { signature: { kind: "key_unknown" } }],
    ["type_not_allowed", { typ: "logout+jwt" }],
    ["audience_wrong", { aud: ["other"] }],
    ["audience_wrong", { aud: undefined }],
    ["token_expired", { exp: nowSec - 31 }],
    ["token_expired", { exp: undefined }],
    ["token_expired", { exp: "never" }],
    ["token_not_yet_valid", { nbf: nowSec + 31 }],
  ] as const)("%s is named for %j", (code, change) => {
    expect(verdict(asked("00u1Ann", { ...good, ...change }), known)).toBe(code);
  });
  test("a token that cannot be read says why, and nothing else is guessed from it", () => {
    const answer = explain(asked(undefined, { kind: "malformed", why: "two parts" }), known, nowMs);
    expect(answer.verdict.code).toBe("token_malformed");
    expect(answer.steps).toHaveLength(1);
  });
  test("an issuer that no connection names is named before anything that follows from it", () => {
    const facts = { ...stranger, connections: [] };
    expect(verdict(asked("00u1Ann", { ...good, signature: { kind: "not_checked" } }), facts)).toBe("issuer_unknown");
  });
  test("a signature that could not be checked is never answered with ok", () => {
    expect(
      verdict(asked("00u1Ann", { ...good, signature: { kind: "keys_unavailable", why: "no answer" } }), known),
    ).toBe("keys_unavailable");
  });
});

describe("what the subject says", () => {
  test.each([
    ["subject_missing", undefined],
    ["subject_missing", null],
    ["subject_empty", ""],
    ["subject_malformed", 5],
    ["subject_malformed", "x".repeat(256)],
    ["subject_malformed", "a\u0000b"],
    ["subject_whitespace", "00u1Ann "],
    ["subject_case_differs", "00U1ANN"],
    ["subject_rule_mismatch", "ANN@example.test"],
  ] as const)("%s is named for %j", (code, sub) => {
    expect(verdict(asked(sub), known)).toBe(code);
  });
  test("case decides nothing where the connection compares without it", () => {
    const casefold = { ...okta, subjectCompare: "casefold" } as const;
    expect(verdict(asked("00U1ANN"), withAnn({ connection: casefold }, { connections: [casefold] }))).toBe("ok");
  });
  test("a subject that is no id is malformed where tokens carry our ids", () => {
    const direct = { ...okta, subjectRule: "direct" } as const;
    expect(verdict(asked("ann"), { ...stranger, connections: [direct] })).toBe("subject_malformed");
  });
  test("a subject that nobody ever had was never provisioned, or is another tenant's where the asker may know", () => {
    expect(verdict(asked("00u7"), stranger)).toBe("never_provisioned");
    expect(verdict(asked("00u7"), { ...stranger, otherTenants: ["globex"] })).toBe("other_tenant");
  });
  test("a user of a connection that does not name the issuer is found there", () => {
    const hr = { ...okta, id: "c-hr", slug: "hr", issuers: ["https://hr.test"] };
    expect(verdict(asked("00u1Ann"), withAnn({ connection: hr }, { identities: [] }))).toBe("other_connection");
  });
});

describe("what became of the user", () => {
  const left = { id: 7, kind: "user.deactivated", at: new Date(nowMs - 60_000) } as const;

  test("the directory's word is the cause, and the revocation that follows from it is not", () => {
    const revocations = [{ ...entry, deny: true, nbf: nowSec - 59, reason: "idp_inactive", since: new Date(nowMs) }];
    const answer = explain(asked("00u1Ann"), withAnn({ active: false, left }, { revocations }), nowMs);
    expect(answer.verdict.code).toBe("user_inactive");
    expect(answer.steps.find(({ step }) => step === "directory")?.evidence).toContain("event 7");
  });
  test("a deleted user is told with when and by which event", () => {
    const deletedAt = new Date(nowMs - 60_000);
    const answer = explain(asked("00u1Ann"), withAnn({ deletedAt, left: { ...left, kind: "user.deleted" } }), nowMs);
    expect(answer.verdict.code).toBe("user_deleted");
    expect(answer.steps.find(({ step }) => step === "directory")?.evidence).toMatch(
      /2026-11-21T11:59:00.000Z \(1 min ago\), by event 7/,
    );
  });
  test("an accepted change that waits is told with its age and its lane", () => {
    const waiting = {
      id: 9,
      kind: "user.created",
      at: new Date(nowMs - 2_000),
      lane: 12,
      ahead: 3,
      attempts: 0,
    } as const;
    const answer = explain(asked("00u1Ann"), withAnn({ waiting, appliedVersion: 0 }, { identities: [] }), nowMs);
    expect(answer.verdict.code).toBe("not_applied");
    expect(answer.steps.find(({ step }) => step === "sync")?.evidence).toMatch(/2 s ago.*lane 12, 3 of/);
  });
  test("a change that was given up is told with its reason", () => {
    const dead = { id: 9, kind: "user.created", at: new Date(nowMs), reason: "IdentityTaken" } as const;
    expect(verdict(asked("00u1Ann"), withAnn({ dead, appliedVersion: 0 }, { identities: [] }))).toBe("dead_lettered");
  });
  test("a user store that is behind with nothing waiting has drifted", () => {
    expect(verdict(asked("00u1Ann"), withAnn({ appliedVersion: 1 }))).toBe("drift");
  });
  test("a subject that is tied to another user, or to none, is told apart", () => {
    const other = [{ iss, sub: "00u1Ann", userId: "u-eve", directoryUserId: "d-eve", alias: false }];
    expect(verdict(asked("00u1Ann"), withAnn({}, { identities: other }))).toBe("identity_elsewhere");
    expect(verdict(asked("00u1Ann"), withAnn({}, { identities: [] }))).toBe("identity_missing");
  });
  test("an admin's suspension is told with who and since when", () => {
    const denials = [{ reason: "admin_suspended", since: new Date(nowMs), by: "cred1" }];
    const answer = explain(asked("00u1Ann"), withAnn({ denials }), nowMs);
    expect(answer.verdict.code).toBe("suspended");
    expect(answer.steps.find(({ step }) => step === "user_store")?.evidence).toContain("by credential cred1");
  });
});

describe("what was revoked", () => {
  const cut = { ...entry, nbf: nowSec - 30 };

  test("a token from before the cut is dead, one from after it lives, one without a time counts as oldest", () => {
    const facts = { ...known, revocations: [cut] };
    expect(verdict(asked("00u1Ann"), facts)).toBe("issued_before_revocation");
    expect(verdict(asked("00u1Ann", { ...good, iat: nowSec - 30 }), facts)).toBe("ok");
    expect(verdict(asked("00u1Ann", { ...good, iat: undefined }), facts)).toBe("issued_before_revocation");
    expect(verdict({ ...asked("00u1Ann"), token: undefined }, facts)).toBe("ok");
  });
  test("a subject that nobody holds and an admin denied is revoked", () => {
    expect(
      verdict(asked("00u7"), { ...stranger, revocations: [{ ...cut, deny: true, reason: "admin_revoked" }] }),
    ).toBe("revoked");
  });
  test("what strikes a whole issuer or one session is told as that", () => {
    const denied = { ...entry, deny: true, reason: "admin_revoked" };
    const evidence = (scope: RevocationFact["scope"]): string =>
      explain(asked("00u1Ann"), { ...known, revocations: [{ ...denied, scope }] }, nowMs).steps.find(
        ({ step }) => step === "revocation",
      )?.evidence ?? "";
    expect(evidence("iss")).toContain("the whole issuer is denied");
    expect(evidence("sid")).toContain("the token's session is denied");
  });
  test("it is told which gateways enforce an entry, since when, and which do not yet", () => {
    const denied = { ...entry, deny: true, reason: "admin_revoked", enforcedAt: new Date(nowMs - 900) };
    const gateways = [edge, { ...edge, name: "late", standing: "behind" as const, seq: 6, behind: 1 }];
    const step = (facts: SubjectFacts) => explain(asked("00u1Ann"), facts, nowMs).steps.at(-1);
    expect(step({ ...known, revocations: [denied], gateways: [edge] })).toMatchObject({
      status: "ok",
      evidence: "entry 7 is enforced by 1 of 1 gateways since 2026-11-21T11:59:59.100Z",
    });
    const told = step({ ...known, revocations: [{ ...denied, enforcedAt: undefined }], gateways })?.evidence;
    expect(told).toContain("by 1 of 2 gateways: edge since 2026-11-21T11:59:59.000Z at the latest; not yet by late");
    expect(step({ ...known, revocations: [denied], gateways: [{ ...edge, standing: "gone" }] })).toMatchObject({
      status: "unknown",
      evidence: "no gateway reports how far it is",
    });
  });
  test("a gateway of all tenants is judged by where it is in that feed", () => {
    const denied = { ...entry, deny: true, reason: "admin_revoked", houseSeq: 90 };
    const all: GatewayFact = { ...edge, name: "all", follows: "all", seq: 89, behind: 1, standing: "stale" };
    const told = (facts: Partial<SubjectFacts>) =>
      explain(asked("00u1Ann"), { ...known, ...facts }, nowMs).steps.at(-1);
    const before = told({ revocations: [denied], gateways: [edge, all] });
    expect(before?.evidence).toContain("not yet by all (stale, behind by 1 entries");
    expect(before?.gateways).toEqual([
      { name: "all", follows: "all", standing: "stale", behind: 1, asOfAgeMs: 100, enforces: false },
      expect.objectContaining({ name: "edge", enforces: true, sinceAtLatest: edge.seqAt.toISOString() }),
    ]);
    expect(told({ revocations: [denied], gateways: [{ ...all, seq: 90 }] })).toMatchObject({ status: "ok" });
    expect(told({ revocations: [{ ...denied, houseSeq: undefined }], gateways: [all] })).toMatchObject({
      gateways: [{ enforces: false }],
    });
  });
  test("a gateway that is behind is told and decides nothing", () => {
    const answer = explain(
      asked("00u1Ann"),
      { ...known, gateways: [{ ...edge, standing: "behind", behind: 4, asOfAgeMs: 90_000 }] },
      nowMs,
    );
    expect(answer.verdict.code).toBe("ok");
    expect(answer.steps.at(-1)).toMatchObject({ step: "gateway", status: "unknown" });
  });
});
