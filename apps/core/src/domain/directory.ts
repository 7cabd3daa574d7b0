export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export type JsonObject = { readonly [name: string]: Json };

/**
 * A user as an identity provider described them: the SCIM attributes (RFC 7643 §4.1) under their
 * canonical names, extensions under their URN, without id, meta, schemas, groups and password.
 */
export type UserAttributes = JsonObject & {
  readonly userName: string;
  readonly active: boolean;
  readonly externalId?: string;
};

export type DirectoryUser = {
  readonly id: string;
  readonly attributes: UserAttributes;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** A group's own attributes (RFC 7643 §4.2); its members are edges and live apart. */
export type GroupAttributes = JsonObject & { readonly displayName: string; readonly externalId?: string };

export type DirectoryGroup = {
  readonly id: string;
  readonly attributes: GroupAttributes;
  readonly version: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

/** One membership edge as the identity provider reads it back. While parked, `value` is what was sent and `kind` is undefined. */
export type Member = { readonly value: string; readonly kind: "User" | "Group" | undefined; readonly display?: string };

/** A group a user belongs to directly (RFC 7643 §4.1.2 `groups`). */
export type Membership = { readonly id: string; readonly displayName: string };

/**
 * What one request does to a group's edges, in order. Values are member ids, or external ids where
 * a sender has no id yet. Only `replace` with an empty list empties a group.
 */
export type MemberChange = { readonly kind: "add" | "remove" | "replace"; readonly values: readonly string[] };

/** A page of resources, with how many there are in all. */
export type Page<Resource> = { readonly total: number; readonly resources: readonly Resource[] };

/** RFC 7644 §3.4.2.4: `startIndex` counts from one. */
export type PageRequest = { readonly startIndex: number; readonly count: number };
