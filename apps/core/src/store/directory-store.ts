import type {
  AttributeTimes,
  DirectoryGroup,
  DirectoryUser,
  EventSource,
  GroupAttributes,
  Member,
  MemberChange,
  Membership,
  UserAttributes,
} from "../domain/index.ts";

/** What a committed write leaves behind; `lanes` are to be woken, and none where nothing changed. */
export type Written<Resource> = {
  readonly resource: Resource;
  readonly lanes: readonly number[];
  /** Whether it takes something away from somebody, so that its lanes go before others. */
  readonly denying: boolean;
};

/**
 * Whose directory, and the id under which this request's events are told apart from its repetition.
 * What a source or a provider states comes with its time, where one was told.
 */
export type Sender = {
  readonly connectionId: string;
  readonly requestId: string;
  /** `scim` where nothing is said. */
  readonly source?: EventSource;
  readonly occurredAt?: Date | undefined;
  /** When `active` was so, by a clock that can be compared with what other sources say. */
  readonly statedAt?: Date | undefined;
  readonly attributeTimes?: AttributeTimes | undefined;
};

/**
 * The directory's users. Every write changes the row and records its lifecycle event in one
 * transaction; a write that changes nothing bumps no version and records no event. A resource of
 * another connection or tenant answers exactly as one that does not exist.
 */
export type UserDirectory = {
  /** Revives the tombstone of the same person (same externalId; same userName where neither has one) under its old id. Throws `user_name_taken`, `external_id_taken`. */
  create(tenantId: string, sender: Sender, attributes: UserAttributes): Promise<Written<DirectoryUser>>;
  find(tenantId: string, connectionId: string, id: string): Promise<DirectoryUser | undefined>;
  /** With its memberships. */
  findWhole(tenantId: string, connectionId: string, id: string): Promise<DirectoryUser | undefined>;
  /** Throws `not_found`, `version_conflict` when the version is no longer `expectedVersion`, and the uniqueness codes of `create`. */
  replace(
    tenantId: string,
    sender: Sender,
    id: string,
    expectedVersion: number,
    attributes: UserAttributes,
  ): Promise<Written<DirectoryUser>>;
  /** Leaves a tombstone. Throws `not_found`; `version_conflict` only where a version is expected. */
  remove(tenantId: string, sender: Sender, id: string, expectedVersion?: number): Promise<Written<undefined>>;
  /** Whether this connection had such a user and deleted it. */
  wasRemoved(tenantId: string, connectionId: string, id: string): Promise<boolean>;
  /** Whether this connection has, or had and deleted, a user whose name compares as this one does. */
  knowsName(tenantId: string, connectionId: string, userName: string): Promise<boolean>;
  /** The groups each user belongs to, directly or because they hold such a group; users without groups are left out. */
  memberships(
    tenantId: string,
    connectionId: string,
    userIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Membership[]>>;
};

/** The directory's groups, with the same promises. */
export type GroupDirectory = {
  /** Throws `group_name_taken`, `external_id_taken`. */
  create(
    tenantId: string,
    sender: Sender,
    attributes: GroupAttributes,
    members: readonly string[],
  ): Promise<Written<DirectoryGroup>>;
  find(tenantId: string, connectionId: string, id: string): Promise<DirectoryGroup | undefined>;
  members(
    tenantId: string,
    connectionId: string,
    groupIds: readonly string[],
  ): Promise<ReadonlyMap<string, readonly Member[]>>;
  /**
   * Changes the group's edges in order, and its own attributes to what `attributes` makes of those it
   * has at that moment; undefined leaves them. Throws `version_conflict` only where a version is
   * expected. Costs its operations, not its members.
   */
  change(
    tenantId: string,
    sender: Sender,
    id: string,
    change: {
      readonly expectedVersion?: number;
      readonly attributes?: (held: GroupAttributes) => GroupAttributes | undefined;
      readonly members: readonly MemberChange[];
    },
  ): Promise<Written<DirectoryGroup>>;
  remove(tenantId: string, sender: Sender, id: string, expectedVersion?: number): Promise<Written<undefined>>;
  wasRemoved(tenantId: string, connectionId: string, id: string): Promise<boolean>;
};
