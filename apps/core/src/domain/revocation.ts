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
  /** The subject was another user's until now. */
  readonly recycled: boolean;
  /** When the change happened, in milliseconds. */
  readonly atMs: number;
};

/**
 * Decides whether a key's entry must change. A denial also kills every token issued until now, so
 * that lifting it later does not revive them: `nbf` is the second after the change, for tokens of
 * the same second may be older. Deny wins: one standing reason is enough.
 */
export function decideRevocation(standing: Standing): RevocationChange | undefined {
  const { current, denials } = standing;
  const denied = denials.length > 0;
  const cut = Math.floor(standing.atMs / 1000) + 1;
  const nbf = standing.recycled || (denied && standing.known && current?.deny !== true) ? Math.max(current?.nbf ?? 0, cut) : current?.nbf;
  if (denied === (current?.deny ?? false) && nbf === current?.nbf) return undefined;

  const reason = denied ? (reasonOrder.find((known) => denials.includes(known)) ?? "denied") : standing.recycled ? "subject_recycled" : "lifted";
  const origin = denials.every((denial) => denial.startsWith("idp_")) ? "idp" : "app";
  return { deny: denied, nbf, reason, origin };
}
