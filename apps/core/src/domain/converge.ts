import type { Connection } from "./connection.ts";
import type { Json, UserAttributes } from "./directory.ts";
import { isObject, primaryOf, subjectKey, subjectOf } from "./subject.ts";

/** What the directory says of a user at the moment the worker holds its lock. */
export type UserState = {
  readonly id: string;
  /** The application's user that this one is tied to: itself, unless an admin linked another. */
  readonly userId: string;
  readonly connection: Connection;
  readonly attributes: UserAttributes;
  readonly deleted: boolean;
  readonly version: number;
};

export type IdpDenial = "idp_inactive" | "idp_deleted";

export type WantedIdentity = { readonly iss: string; readonly sub: string; readonly subKey: string };

/** What the user store must show for it. */
export type WantedUser = {
  readonly userName: string;
  readonly displayName: string | undefined;
  readonly email: string | undefined;
  readonly identities: readonly WantedIdentity[];
  readonly denials: readonly IdpDenial[];
};

/** Decides what the user store must show, and touches nothing. Decided twice, it decides the same. */
export function wantedUser(state: UserState): WantedUser {
  const { attributes, connection } = state;
  const sub = subjectOf(connection, state.userId, attributes);
  return {
    userName: attributes.userName,
    displayName: text(attributes["displayName"]) ?? formattedName(attributes["name"]),
    email: text(primaryOf(attributes["emails"])?.["value"]),
    identities:
      sub === undefined
        ? []
        : connection.issuers.map((iss) => ({ iss, sub, subKey: subjectKey(connection.subjectCompare, sub) })),
    denials: state.deleted ? ["idp_deleted"] : attributes.active ? [] : ["idp_inactive"],
  };
}

export type IdentityOwner = {
  readonly directoryUserId: string;
  readonly userId: string;
  /**
   * Whether the owner lives and the directory, or an admin, still says so: an alias or a tombstone
   * does not hold what it owns.
   */
  readonly holds: boolean;
};

export type IdentityClaim = "own" | "shared" | "recycled" | "taken";

/**
 * Whether a user may have an identity. A subject that another living user holds is taken; one that
 * its old owner has given up is recycled: it moves, and the old owner's tokens die. Directory users
 * that an admin has linked are one person: what one of them holds is both's, and what one of them
 * only remembers the other has, with its tokens.
 */
export function claimIdentity(claimant: Pick<UserState, "id" | "userId">, owner: IdentityOwner): IdentityClaim {
  if (owner.directoryUserId === claimant.id) return "own";
  if (owner.userId === claimant.userId) return owner.holds ? "shared" : "own";
  return owner.holds ? "taken" : "recycled";
}

function formattedName(name: Json | undefined): string | undefined {
  if (!isObject(name)) return undefined;
  const parts = [text(name["givenName"]), text(name["familyName"])].filter((part) => part !== undefined);
  return text(name["formatted"]) ?? (parts.length === 0 ? undefined : parts.join(" "));
}

function text(value: Json | undefined): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
