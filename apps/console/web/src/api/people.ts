/** One directory user and the application's user that it is tied to. */
export type UserSummary = {
  readonly id: string;
  readonly directoryUserId: string;
  readonly connectionId: string;
  readonly userName: string;
  readonly externalId?: string;
  readonly active: boolean;
  readonly deletedAt?: string;
  /** The directory has changed since the user store last followed. */
  readonly behind: boolean;
  readonly denials: readonly string[];
  readonly linkedAt?: string;
};

export type Denial = {
  readonly reason: string;
  readonly originId: string;
  readonly note: string | null;
  readonly since: string;
};

export type Identity = {
  readonly iss: string;
  readonly sub: string;
  readonly alias: boolean;
  readonly directoryUserId: string;
  readonly linkedAt: string | null;
};

export type UserEvent = {
  readonly id: number;
  readonly kind: string;
  readonly source: string;
  readonly directoryUserId: string;
  readonly occurredAt: string | null;
  readonly acceptedAt: string;
  readonly appliedAt: string | null;
  readonly deadAt: string | null;
  readonly attempts: number;
  readonly lastError: string | null;
};

export type UserHistory = {
  readonly id: string;
  readonly userName?: string;
  readonly displayName?: string;
  readonly directory: readonly UserSummary[];
  readonly denials: readonly Denial[];
  readonly identities: readonly Identity[];
  readonly groups: readonly { readonly id: string; readonly displayName: string }[];
  readonly revocations: readonly {
    readonly iss: string;
    readonly sub: string;
    readonly deny: boolean;
    readonly nbf: number | null;
    readonly reason: string;
    readonly appliedAt: string;
  }[];
  readonly events: readonly UserEvent[];
};

export type Group = {
  readonly id: string;
  readonly connectionId: string;
  readonly displayName: string;
  readonly externalId?: string | null;
  readonly deletedAt?: string | null;
  readonly behind: boolean;
  readonly createdAt: string;
  readonly updatedAt: string;
};

export type GroupShown = Group & { readonly members: number; readonly parked: number; readonly admitted: number };

export type GroupMember = {
  readonly id: string;
  readonly kind: "User" | "Group";
  readonly name: string;
  readonly userId?: string | null;
  readonly denials: readonly string[];
  readonly since: string;
};

/** What may stand against somebody, in words. */
const reasons: Readonly<Record<string, string>> = {
  idp_inactive: "deactivated by the identity provider",
  idp_deleted: "deleted by the identity provider",
  admin_suspended: "suspended by an admin",
  poison: "an event of theirs cannot be applied",
};

export function reasonWords(reason: string): string {
  return reasons[reason] ?? reason.replaceAll("_", " ");
}
