import { describe, expect, test } from "vitest";
import { type Candidate, decideResolution, type ResolutionFacts } from "./resolution.ts";

const ann: Candidate = { directoryUserId: "d-ann", userId: "u-ann", active: true, deleted: false };
const bob: Candidate = { directoryUserId: "d-bob", userId: "u-bob", active: true, deleted: false };
const nobody: ResolutionFacts = {
  issuerKnown: true,
  revoked: undefined,
  owner: undefined,
  holders: [],
  denials: new Map(),
};

describe("whom a subject names", () => {
  test("a joiner whom only the directory knows is active", () => {
    expect(decideResolution({ ...nobody, holders: [ann] })).toEqual({
      status: "active",
      userId: "u-ann",
      directoryUserId: "d-ann",
    });
  });
  test("a subject that nobody ever had is unknown, and so is an issuer that no connection names", () => {
    expect(decideResolution(nobody)).toEqual({ status: "unknown", reason: "never_provisioned" });
    expect(decideResolution({ ...nobody, issuerKnown: false })).toEqual({
      status: "unknown",
      reason: "issuer_unknown",
    });
  });
  test("a leaver whom the user store still shows as active is denied", () => {
    expect(decideResolution({ ...nobody, owner: { ...ann, active: false } })).toEqual({
      status: "denied",
      reason: "idp_inactive",
    });
    expect(decideResolution({ ...nobody, owner: { ...ann, deleted: true } })).toEqual({
      status: "denied",
      reason: "idp_deleted",
    });
  });
  test("a renamed user keeps an old subject until somebody takes it", () => {
    expect(decideResolution({ ...nobody, owner: ann })).toMatchObject({ status: "active", userId: "u-ann" });
  });
  test("a subject that passes to another user names neither until it has passed", () => {
    const passing = { status: "denied", reason: "subject_recycled" };
    expect(decideResolution({ ...nobody, owner: ann, holders: [bob] })).toEqual(passing);
    expect(decideResolution({ ...nobody, owner: { ...ann, deleted: true }, holders: [bob] })).toEqual(passing);
  });
  test("a subject that two users claim stays its owner's, and is nobody's where it has no owner", () => {
    expect(decideResolution({ ...nobody, owner: ann, holders: [ann, bob] })).toMatchObject({
      status: "active",
      userId: "u-ann",
    });
    expect(decideResolution({ ...nobody, holders: [ann, bob] })).toEqual({
      status: "unknown",
      reason: "subject_ambiguous",
    });
  });
  test("what one of a person's two directory users gives up, the other has, and nobody has inherited", () => {
    const annAgain = { ...bob, userId: ann.userId };
    expect(decideResolution({ ...nobody, owner: ann, holders: [annAgain] })).toMatchObject({
      status: "active",
      userId: "u-ann",
    });
  });
  test("a subject that an admin gave is its owner's, whoever the directory says has it", () => {
    expect(decideResolution({ ...nobody, owner: { ...ann, byAdmin: true }, holders: [bob] })).toMatchObject({
      status: "active",
      userId: "u-ann",
    });
  });
  test("a program is nobody, whoever bears its name, and is denied by it all the same", () => {
    const program: ResolutionFacts = { ...nobody, isService: true, owner: ann, holders: [ann] };
    expect(decideResolution(program)).toEqual({ status: "unknown", reason: "service_account" });
    expect(decideResolution({ ...program, revoked: "admin_revoked" })).toMatchObject({ status: "denied" });
  });
  test("a living user is preferred to the tombstone of an earlier one", () => {
    expect(decideResolution({ ...nobody, holders: [{ ...ann, deleted: true }, bob] })).toMatchObject({
      status: "active",
      userId: "u-bob",
    });
  });
  test("an admin's denial stands whatever the directory says, and the strongest reason is named", () => {
    const denials = new Map([["u-ann", ["idp_inactive", "admin_suspended"]]]);
    expect(decideResolution({ ...nobody, holders: [ann], denials })).toEqual({
      status: "denied",
      reason: "admin_suspended",
    });
  });
  test("a revoked subject is denied though nobody knows it", () => {
    expect(decideResolution({ ...nobody, revoked: "admin_revoked" })).toEqual({
      status: "denied",
      reason: "admin_revoked",
    });
  });
});
