import type { DenialReason } from "./revocation.ts";

/** One directory user that a subject may name. */
export type Candidate = {
  readonly directoryUserId: string;
  readonly userId: string;
  readonly active: boolean;
  readonly deleted: boolean;
};

export type ResolutionFacts = {
  /** A connection of the tenant names the issuer. */
  readonly issuerKnown: boolean;
  /** By the rule of every connection that names the issuer, the subject is a program's. */
  readonly isService?: boolean;
  /** Why gateways are told to refuse the subject, where they are. */
  readonly revoked: string | undefined;
  /** The directory user whose identity the subject is in the user store, in the directory's present state; `byAdmin` where no attribute says so. */
  readonly owner: (Candidate & { readonly byAdmin?: boolean }) | undefined;
  /** Whose subject it is by the directory's present state, applied or not. */
  readonly holders: readonly Candidate[];
  /** Every reason that stands against each user, or that the directory is about to bring against it. */
  readonly denials: ReadonlyMap<string, readonly string[]>;
};

export type Resolution =
  | { readonly status: "active"; readonly userId: string; readonly directoryUserId: string }
  | { readonly status: "denied"; readonly reason: string }
  | {
      readonly status: "unknown";
      readonly reason: "issuer_unknown" | "never_provisioned" | "subject_ambiguous" | "service_account";
    };

/**
 * Decides whom a verified subject names now, ahead of what has been applied. Deny wins: what the
 * directory or an admin refuses is refused at once, even where the user store does not show it yet;
 * and a subject that is passing from one user to another names nobody until the old tokens are dead.
 */
export function decideResolution(facts: ResolutionFacts): Resolution {
  if (facts.revoked !== undefined) return { status: "denied", reason: facts.revoked };
  // Whoever bears the same name: a program is never taken for a person.
  if (facts.isService === true) return { status: "unknown", reason: "service_account" };
  const living = facts.holders.filter(({ deleted }) => !deleted);
  const { owner } = facts;

  if (owner !== undefined) {
    // Whom an admin has linked is the same person, who inherits nothing.
    const heir = living.find(({ userId }) => userId !== owner.userId);
    const stillHeld =
      owner.byAdmin === true ||
      // By whomever of the person: what one of them has given up is the others' who still say it.
      living.some(
        ({ directoryUserId, userId }) => directoryUserId === owner.directoryUserId || userId === owner.userId,
      );
    if (heir !== undefined && !stillHeld) return { status: "denied", reason: "subject_recycled" };
    return judge(owner, facts.denials);
  }
  if (living.length > 1 && new Set(living.map(({ userId }) => userId)).size > 1)
    return { status: "unknown", reason: "subject_ambiguous" };
  const holder = living[0] ?? facts.holders[0];
  if (holder !== undefined) return judge(holder, facts.denials);
  return { status: "unknown", reason: facts.issuerKnown ? "never_provisioned" : "issuer_unknown" };
}

function judge(candidate: Candidate, denials: ReadonlyMap<string, readonly string[]>): Resolution {
  if (candidate.deleted) return { status: "denied", reason: "idp_deleted" };
  if (!candidate.active) return { status: "denied", reason: "idp_inactive" };
  const standing = denials.get(candidate.userId) ?? [];
  if (standing.length > 0) return { status: "denied", reason: strongestReason(standing) };
  return { status: "active", userId: candidate.userId, directoryUserId: candidate.directoryUserId };
}

const strength = {
  admin_revoked: 5,
  admin_suspended: 4,
  idp_deleted: 3,
  idp_inactive: 2,
  poison: 1,
} as const satisfies Record<DenialReason, number>;

/** The reason that is named where several stand. */
export function strongestReason(reasons: readonly string[]): string {
  const known = (Object.keys(strength) as DenialReason[]).filter((reason) => reasons.includes(reason));
  return known.toSorted((a, b) => strength[b] - strength[a])[0] ?? "denied";
}
