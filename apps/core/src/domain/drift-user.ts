import { claimIdentity, type UserState, wantedUser, type WantedIdentity, type WantedUser } from "./converge.ts";
import type { Json, JsonObject } from "./directory.ts";
import { type Difference, differingParts, type DriftKind } from "./drift.ts";
import { decideRevocation } from "./revocation.ts";

/** Who holds a subject, with the state of the directory user that gave it. */
export type HolderFact = {
  readonly iss: string;
  readonly subKey: string;
  readonly sub: string;
  readonly userId: string;
  readonly directoryUserId: string;
  readonly alias: boolean;
  /** An admin gave it. */
  readonly linked: boolean;
  /** Undefined where the directory has no such user. */
  readonly owner: UserState | undefined;
};

/** What stands for one of a user's subjects, as the worker reads it. */
export type StandingFact = {
  readonly iss: string;
  readonly subKey: string;
  readonly denials: readonly string[];
  readonly current: { readonly deny: boolean; readonly nbf: number | undefined } | undefined;
  readonly refusedToo: boolean;
  readonly struckAtMs: number | undefined;
  /** The subject was denied by an admin before anybody held it. */
  readonly isAdoptable: boolean;
};

/** What the user store has for one directory user, read in one moment with what the directory says. */
export type UserFacts = {
  /** Undefined where it was never converged. */
  readonly appliedVersion: number | undefined;
  /** Undefined where there is none; of a directory user that is linked to another it is not asked. */
  readonly profile:
    | {
        readonly userName: string;
        readonly displayName: string | undefined;
        readonly email: string | undefined;
        /** Undefined where they are the directory's. */
        readonly attributes: JsonObject | undefined;
      }
    | undefined;
  /** The reasons that this directory user gives. */
  readonly denials: readonly string[];
  /** Subjects that this directory user gives, aliases too. */
  readonly identities: readonly Omit<HolderFact, "owner" | "directoryUserId">[];
  /** Who holds each subject that it is to have. */
  readonly holders: readonly HolderFact[];
  readonly standings: readonly StandingFact[];
  /** Groups that it is to be in and is not, that it is in and is not to be, and that it is in as another user. */
  readonly memberships: { readonly lacking: readonly string[]; readonly surplus: readonly string[] };
  readonly isGivenUp: boolean;
};

/**
 * How a user that nothing waits for differs from what a worker would make of it, by the rules that the
 * worker goes by. Touches nothing.
 */
export function userDifferences(state: UserState, facts: UserFacts): readonly Difference[] {
  const wanted = wantedUser(state);
  const isOwn = state.userId === state.id;
  const differs = (kind: DriftKind, directory: Json, userStore: Json): Difference => ({
    kind,
    subjectKind: "user",
    subjectId: state.id,
    connectionId: state.connection.id,
    name: state.attributes.userName,
    directory,
    userStore,
    isGivenUp: facts.isGivenUp,
  });
  if (facts.appliedVersion === undefined || (isOwn && facts.profile === undefined))
    return [differs("missing", { userName: wanted.userName, denials: wanted.denials }, null)];

  const found = [
    ...(isOwn ? profileDifference(state, wanted, facts) : []),
    ...stateDifference(wanted, facts),
    ...subjectDifference(state, wanted, facts),
    ...membershipDifference(facts),
  ];
  // Nothing else tells of it where only the version is another, and a worker would pass over the next change.
  if (found.length === 0 && facts.appliedVersion !== state.version)
    found.push(["stale_attribute", { version: state.version }, { version: facts.appliedVersion }]);
  return found.map(([kind, directory, userStore]) => differs(kind, directory, userStore));
}

type Found = readonly [kind: DriftKind, directory: Json, userStore: Json];

function profileDifference(state: UserState, wanted: WantedUser, { profile }: UserFacts): readonly Found[] {
  if (profile === undefined) return [];
  const said = { userName: wanted.userName, displayName: wanted.displayName ?? null, email: wanted.email ?? null };
  const stored = {
    userName: profile.userName,
    displayName: profile.displayName ?? null,
    email: profile.email ?? null,
  };
  const [directory, userStore] = differingParts(said, stored);
  const [attributes, storedAttributes] =
    profile.attributes === undefined ? [{}, {}] : differingParts(state.attributes, profile.attributes);
  if (Object.keys(directory).length + Object.keys(attributes).length === 0) return [];
  return [["stale_attribute", { ...directory, attributes }, { ...userStore, attributes: storedAttributes }]];
}

/** Denials, and the revocations that follow from all that stand against the user. */
function stateDifference(wanted: WantedUser, { denials, standings }: UserFacts): readonly Found[] {
  const isDenialOther = wanted.denials.join() !== denials.toSorted().join();
  const untold = standings.filter(isUntold);
  if (!isDenialOther && untold.length === 0) return [];
  const told = untold.map(({ iss, subKey, current, denials: standing }) => ({
    iss,
    sub: subKey,
    denied: current?.deny ?? false,
    denials: standing,
  }));
  return [
    ["wrong_state", { denials: wanted.denials }, { denials, ...(told.length === 0 ? {} : { revocations: told }) }],
  ];
}

/** Whether a worker would write another entry for the subject, or another denial for its sake. */
function isUntold({ current, denials, refusedToo, struckAtMs, isAdoptable }: StandingFact): boolean {
  if (isAdoptable && !denials.includes("admin_revoked")) return true;
  const change = decideRevocation({
    current,
    denials,
    known: true,
    refusedToo,
    recycled: false,
    atMs: 0,
    killedAtMs: struckAtMs,
  });
  return change !== undefined;
}

function subjectDifference(state: UserState, wanted: WantedUser, facts: UserFacts): readonly Found[] {
  const lacking = wanted.identities.filter((identity) => !hasSubject(state, identity, facts.holders));
  const keys = new Set(wanted.identities.map(keyOf));
  const surplus = facts.identities.filter(
    (identity) =>
      // An identity is its directory user's wherever that one is linked to.
      identity.userId !== state.userId ||
      (!state.deleted && !identity.alias && !identity.linked && !keys.has(keyOf(identity))),
  );
  if (lacking.length + surplus.length === 0) return [];
  const holderOf = new Map(facts.holders.map((holder) => [keyOf(holder), holder]));
  return [
    [
      "subject_mismatch",
      { subjects: wanted.identities.map(({ iss, sub }) => ({ iss, sub })) },
      {
        lacking: lacking.map((identity) => ({
          iss: identity.iss,
          sub: identity.sub,
          heldBy: holderOf.get(keyOf(identity))?.directoryUserId ?? null,
        })),
        surplus: surplus.map(({ iss, sub, userId }) => ({ iss, sub, userId })),
      },
    ],
  ];
}

/** Whether a worker would leave the subject as it is. A tombstone claims none, but sees that somebody has it. */
function hasSubject(state: UserState, identity: WantedIdentity, holders: readonly HolderFact[]): boolean {
  const holder = holders.find((one) => keyOf(one) === keyOf(identity));
  if (holder === undefined) return false;
  if (state.deleted) return true;
  const claim = claimIdentity(state, {
    directoryUserId: holder.directoryUserId,
    userId: holder.owner?.userId ?? holder.userId,
    holds: holds(holder),
  });
  if (claim === "shared") return true;
  const isOther = holder.userId !== state.userId || holder.directoryUserId !== state.id;
  return claim === "own" && !holder.alias && holder.sub === identity.sub && !isOther;
}

/** Whether the holder is still who the directory, or an admin, says has the subject. */
function holds({ owner, alias, linked, iss, subKey }: HolderFact): boolean {
  if (owner === undefined || alias || owner.deleted) return false;
  return linked || wantedUser(owner).identities.some((identity) => identity.iss === iss && identity.subKey === subKey);
}

function membershipDifference({ memberships: { lacking, surplus } }: UserFacts): readonly Found[] {
  return lacking.length + surplus.length === 0 ? [] : [["wrong_membership", { groups: lacking }, { groups: surplus }]];
}

function keyOf({ iss, subKey }: Pick<WantedIdentity, "iss" | "subKey">): string {
  return JSON.stringify([iss, subKey]);
}
