/** What gateways must refuse for one key. `nbf` is in seconds on the issuer's clock. */
export type RevocationState = { readonly deny: boolean; readonly nbf: number | undefined };

/** Why a user is refused; the strongest reason names the feed's entry. */
const reasonOrder = ["admin_revoked", "admin_suspended", "idp_deleted", "idp_inactive", "poison"] as const;
export type DenialReason = (typeof reasonOrder)[number];

export type RevocationChange = RevocationState & { readonly reason: string; readonly origin: "idp" | "app" };

export type Standing = {
  /** The key's present entry, where it has one. */
  readonly current: RevocationState | undefined;
  /** Every reason that stands against the user now. */
  readonly denials: readonly string[];
  /** Tokens with this subject may have been issued, and accepted, before now. */
  readonly known: boolean;
  /**
   * The provider whose subject it is refuses it too, so that the entry may be forgotten once no token
   * lives. It need not, where the denial is another's: of a person whom two providers know. True where nothing is said.
   */
  readonly refusedToo?: boolean;
  /** The subject was another user's until now. */
  readonly recycled: boolean;
  /** When the change happened, in milliseconds. */
  readonly atMs: number;
  /** When access was last taken away by an event that is being applied; undefined where none did. */
  readonly killedAtMs: number | undefined;
};

/**
 * Decides whether a key's entry must change. A denial also kills every token issued until then, so
 * that lifting it later does not revive them, and so does one that was lifted before it could be
 * applied. `nbf` is the second after, for tokens of the same second may be older. Deny wins: one
 * standing reason is enough.
 */
export function decideRevocation(standing: Standing): RevocationChange | undefined {
  const { current, denials, recycled } = standing;
  const denied = denials.length > 0;
  const nbf = notBefore(standing, denied);
  if (denied === (current?.deny ?? false) && nbf === current?.nbf) return undefined;

  const reason = denied
    ? (reasonOrder.find((known) => denials.includes(known)) ?? "denied")
    : recycled
      ? "subject_recycled"
      : "lifted";
  const isForgettable = standing.refusedToo ?? true;
  const origin = denials.every((denial) => denial.startsWith("idp_")) && (isForgettable || !denied) ? "idp" : "app";
  return { deny: denied, nbf, reason, origin };
}

/** The latest cut of all; a cut that stands is never lowered, in whatever order events are applied. */
function notBefore({ current, known, recycled, atMs, killedAtMs }: Standing, denied: boolean): number | undefined {
  const newlyDenied = denied && known && current?.deny !== true;
  const killsMs = [...(recycled || newlyDenied ? [atMs] : []), ...(killedAtMs === undefined ? [] : [killedAtMs])];
  return killsMs.reduce<number | undefined>(
    (latest, ms) => Math.max(latest ?? 0, Math.floor(ms / 1000) + 1),
    current?.nbf,
  );
}
