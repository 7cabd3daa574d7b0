import type { ComparedAs, Filter } from "./filter.ts";

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
  /** The groups that it belongs to, where they were read with it. */
  readonly memberships?: readonly Membership[];
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

/** A group a user belongs to, directly or through another group (RFC 7643 §4.1.2 `groups`). */
export type Membership = { readonly id: string; readonly displayName: string; readonly direct: boolean };

/**
 * What one request does to a group's edges, in order. Values are member ids, or external ids where
 * a sender has no id yet. Only `replace` with an empty list empties a group.
 */
export type MemberChange = { readonly kind: "add" | "remove" | "replace"; readonly values: readonly string[] };

export type ResourceKind = "User" | "Group";

/** A resource of a list that may hold both kinds. */
export type Listed =
  | { readonly kind: "User"; readonly resource: DirectoryUser }
  | { readonly kind: "Group"; readonly resource: DirectoryGroup };

/** What a list is of, and in which order: that of the ids where there is no sort (RFC 7644 §3.4.2.3). */
export type Listing = {
  readonly parts: readonly ListedPart[];
  readonly sort: { readonly as: ComparedAs; readonly descending: boolean } | undefined;
  /** Where resources are found, for filters on `meta.location` and `$ref`. */
  readonly base: string;
  /** Whether users are wanted with their memberships: a list may leave them to be asked for. */
  readonly withMemberships?: boolean;
};

/** The resources of one kind in a list. */
export type ListedPart = {
  readonly kind: ResourceKind;
  readonly filter: Filter | undefined;
  /** The canonical path that the list is sorted by; undefined where this kind has no such attribute. */
  readonly sortPath: string | undefined;
};

/** A resource's place in a list's order: what it is sorted by, as the store writes it, and its id. */
export type Place = { readonly id: string; readonly key: string | null };

/**
 * Which part of a list. By index (RFC 7644 §3.4.2.4), `startIndex` counts from one. By place
 * (RFC 9865), the part lies on one side of a resource that need not exist any more, or at the
 * beginning where there is none. `total` is what a walk by place counted when it began.
 */
export type PageRequest =
  | { readonly by: "index"; readonly startIndex: number; readonly count: number }
  | {
      readonly by: "place";
      readonly side: "after" | "before";
      readonly place: Place | undefined;
      readonly count: number;
      readonly total: number | undefined;
    };

/** A page of resources, with how many there are in all, and the places that the pages beside it begin at. */
export type Page = {
  readonly total: number;
  readonly resources: readonly Listed[];
  readonly next: Place | undefined;
  readonly previous: Place | undefined;
};
