import { type DirectoryUser, DirectoryError, foldCase, type Membership, type UserAttributes } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import type { Sender, UserDirectory, Written } from "./directory-store.ts";
import { refusalNamingHolder } from "./name-holder.ts";
import { findProvisioned } from "./provisioned-user.ts";
import { sql } from "./sql.ts";
import { type MembershipRow, membershipsOf, membershipsStatement, toMembership } from "./user-memberships.ts";
import {
  createStatement,
  type CreatedRow,
  findStatement,
  metTombstone,
  noTombstoneStatement,
  removeStatement,
  replaceStatement,
  reviveStatement,
  type UserRow,
  type WrittenRow,
} from "./user-statements.ts";

export function createUserDirectory(database: Database, newId: () => string): UserDirectory {
  return {
    create: (tenantId, sender, attributes) => create(database, tenantId, sender, newId(), attributes),
    find: async (tenantId, connectionId, id) => {
      const [row] = await database.once<UserRow>(tenantId, findStatement(connectionId, id));
      return row && toUser(row);
    },
    findWhole: async (tenantId, connectionId, id) => {
      const [[row], memberships] = await database.pair<UserRow, MembershipRow>(
        tenantId,
        findStatement(connectionId, id),
        membershipsStatement(connectionId, [id]),
      );
      return row && toUser(row, memberships.map(toMembership));
    },
    replace: async (tenantId, sender, id, expectedVersion, attributes) => {
      const [[row], memberships] = await writing(database, tenantId, sender, attributes, () =>
        database.pair<WrittenRow, MembershipRow>(
          tenantId,
          replaceStatement(tenantId, sender, id, expectedVersion, attributes),
          membershipsStatement(sender.connectionId, [id]),
        ),
      );
      if (row === undefined) throw await missing(database, tenantId, sender.connectionId, id);
      return written(row, memberships.map(toMembership));
    },
    remove: async (tenantId, sender, id, expectedVersion) => {
      const [, [row]] = await unlessDeadlocked(() =>
        database.inTenant(tenantId, (transaction) =>
          Promise.all([
            // Behind every group that is taking this user in at this moment: its edge is to be seen, and to go too.
            transaction.query(
              sql`SELECT FROM directory_user WHERE id = ${id} AND connection_id = ${sender.connectionId} AND deleted_at IS NULL FOR UPDATE`,
            ),
            transaction.query<{ lane: number }>(removeStatement(tenantId, sender, id, expectedVersion)),
          ]),
        ),
      );
      if (row === undefined) throw await missing(database, tenantId, sender.connectionId, id);
      return { resource: undefined, lanes: [row.lane], denying: true };
    },
    wasRemoved: async (tenantId, connectionId, id) => {
      const rows = await database.once(
        tenantId,
        sql`SELECT FROM directory_user WHERE id = ${id} AND connection_id = ${connectionId} AND deleted_at IS NOT NULL`,
      );
      return rows.length > 0;
    },
    knowsName: async (tenantId, connectionId, userName) => {
      const rows = await database.once(
        tenantId,
        sql`SELECT FROM directory_user WHERE connection_id = ${connectionId} AND user_name_key = ${foldCase(userName)} LIMIT 1`,
      );
      return rows.length > 0;
    },
    memberships: (tenantId, connectionId, userIds) => membershipsOf(database, tenantId, connectionId, userIds),
  };
}

async function create(
  database: Database,
  tenantId: string,
  sender: Sender,
  id: string,
  attributes: UserAttributes,
): Promise<Written<DirectoryUser>> {
  const created = await unlessDead(async () => {
    const [[row]] = await writing(database, tenantId, sender, attributes, () =>
      database.pair<CreatedRow, object>(
        tenantId,
        createStatement(tenantId, sender, id, attributes),
        noTombstoneStatement(sender, attributes),
      ),
    );
    return row;
  });
  if (created !== undefined) return written(created, created.joined ? undefined : []);
  const again = (): Promise<WrittenRow> => createAgain(database, tenantId, sender, id, attributes);
  // Whoever was alive a moment ago may be dead by now, and then is the one to bring back.
  return written((await unlessDead(again)) ?? (await again()));
}

/** Undefined where a create met a tombstone that was not there when it began. */
async function unlessDead<Created>(create: () => Promise<Created>): Promise<Created | undefined> {
  try {
    return await create();
  } catch (error) {
    if (metTombstone(error)) return undefined;
    throw error;
  }
}

/** Creates a user where somebody is looked for first: whoever was made from a token of the same person, or was deleted, is the user, under the same id. */
async function createAgain(
  database: Database,
  tenantId: string,
  sender: Sender,
  id: string,
  attributes: UserAttributes,
): Promise<WrittenRow> {
  const [row] = await writing(database, tenantId, sender, attributes, () =>
    database.inTenant(tenantId, async (transaction) => {
      const made = await findProvisioned(transaction, sender.connectionId, attributes);
      const rows = await transaction.query<WrittenRow>(
        made === undefined
          ? reviveStatement(tenantId, sender, id, attributes)
          : replaceStatement(tenantId, sender, made.id, made.version, attributes),
      );
      if (rows[0]?.id === id) await transaction.query(noTombstoneStatement(sender, attributes));
      return rows;
    }),
  );
  if (row === undefined) throw new Error("a user was neither created nor refused");
  return row;
}

/** Why a conditional write found nothing: the user is gone, or is no longer what the writer read. */
async function missing(
  database: Database,
  tenantId: string,
  connectionId: string,
  id: string,
): Promise<DirectoryError> {
  const [row] = await database.once(tenantId, findStatement(connectionId, id));
  return row === undefined
    ? new DirectoryError("not_found", `no user ${id}`)
    : new DirectoryError("version_conflict", `user ${id} has changed since it was read`);
}

async function writing<Result>(
  database: Database,
  tenantId: string,
  { connectionId }: Sender,
  attributes: UserAttributes,
  write: () => Promise<Result>,
): Promise<Result> {
  try {
    return await unlessDeadlocked(write);
  } catch (error) {
    throw await refusalNamingHolder(database, tenantId, error, { kind: "user", connectionId, attributes });
  }
}

function written({ lane, denying, ...row }: WrittenRow, memberships?: readonly Membership[]): Written<DirectoryUser> {
  return { resource: toUser(row, memberships), lanes: [lane], denying };
}

function toUser(row: UserRow, memberships?: readonly Membership[]): DirectoryUser {
  return {
    id: row.id,
    attributes: row.attributes,
    version: row.version,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(memberships === undefined ? {} : { memberships }),
  };
}
