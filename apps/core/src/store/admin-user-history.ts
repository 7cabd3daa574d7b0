import type { EventKind } from "../domain/index.ts";
import { type UserSummary, findUsers, userIdOf } from "./admin-users.ts";
import type { Database, Transaction } from "./database.ts";
import { sql } from "./sql.ts";

export type UserEvent = {
  readonly id: number;
  readonly kind: EventKind;
  readonly source: string;
  readonly directoryUserId: string;
  readonly occurredAt: Date | null;
  readonly acceptedAt: Date;
  readonly appliedAt: Date | null;
  readonly deadAt: Date | null;
  readonly attempts: number;
  readonly lastError: string | null;
};

/** One user as an admin sees it: what the directory says, what the application believes, what gateways are told, and what happened. */
export type UserHistory = {
  readonly id: string;
  readonly userName: string | undefined;
  readonly displayName: string | undefined;
  readonly directory: readonly UserSummary[];
  readonly denials: readonly {
    readonly reason: string;
    readonly originId: string;
    readonly note: string | null;
    readonly since: Date;
  }[];
  readonly identities: readonly {
    readonly iss: string;
    readonly sub: string;
    readonly alias: boolean;
    readonly directoryUserId: string;
    /** When an admin gave it to the user; null where the directory did. */
    readonly linkedAt: Date | null;
  }[];
  readonly groups: readonly { readonly id: string; readonly displayName: string }[];
  readonly revocations: readonly {
    readonly iss: string;
    readonly sub: string;
    readonly deny: boolean;
    readonly nbf: number | null;
    readonly reason: string;
    readonly appliedAt: Date;
  }[];
  /** The newest first. */
  readonly events: readonly UserEvent[];
};

const eventsMax = 50;
const listMax = 200;

/** Finds one user with its history, by its id or that of a directory user tied to it. */
export async function readUserHistory(
  database: Database,
  tenantId: string,
  id: string,
): Promise<UserHistory | undefined> {
  const history = await database.inTenant(tenantId, async (transaction) => {
    const userId = await userIdOf(transaction, id);
    return userId === undefined ? undefined : readStore(transaction, userId);
  });
  if (history === undefined) return undefined;
  const directory = await findUsers(database, tenantId, { id: history.id }, { after: undefined, limit: listMax });
  return { ...history, directory: directory.items };
}

async function readStore(transaction: Transaction, userId: string): Promise<Omit<UserHistory, "directory">> {
  const [users, denials, identities, groups, revocations, events] = await Promise.all([
    transaction.query<{ user_name: string; display_name: string | null }>(
      sql`SELECT user_name, display_name FROM app_user WHERE id = ${userId}`,
    ),
    transaction.query<{ reason: string; originId: string; note: string | null; since: Date }>(
      sql`SELECT reason, origin_id AS "originId", note, since FROM denial WHERE user_id = ${userId} ORDER BY since, reason LIMIT ${listMax}`,
    ),
    transaction.query<UserHistory["identities"][number]>(
      sql`SELECT iss, sub, alias, directory_user_id AS "directoryUserId", linked_at AS "linkedAt" FROM identity WHERE user_id = ${userId} ORDER BY alias, iss, sub LIMIT ${listMax}`,
    ),
    transaction.query<{ id: string; displayName: string }>(
      sql`SELECT DISTINCT grp.id, grp.display_name AS "displayName" FROM app_group_member AS member JOIN app_group AS grp ON grp.id = member.group_id
        WHERE member.user_id = ${userId} ORDER BY "displayName", grp.id LIMIT ${listMax}`,
    ),
    transaction.query<UserHistory["revocations"][number]>(
      sql`SELECT revocation.iss, revocation.sub, deny, nbf, reason, applied_at AS "appliedAt" FROM revocation
        JOIN identity ON identity.iss = revocation.iss AND identity.sub_key = revocation.sub
        WHERE identity.user_id = ${userId} AND scope = 'sub' ORDER BY revocation.iss, revocation.sub LIMIT ${listMax}`,
    ),
    transaction.query<UserEvent>(
      sql`SELECT id, kind, source, subject_id AS "directoryUserId", occurred_at AS "occurredAt", accepted_at AS "acceptedAt", applied_at AS "appliedAt",
          dead_at AS "deadAt", attempts, last_error AS "lastError"
        FROM lifecycle_event
        WHERE subject_id = ${userId} OR subject_id IN (SELECT directory_user_id FROM link WHERE user_id = ${userId})
        ORDER BY id DESC LIMIT ${eventsMax}`,
    ),
  ]);
  const [user] = users;
  return {
    id: userId,
    userName: user?.user_name,
    displayName: user?.display_name ?? undefined,
    denials,
    identities,
    groups,
    revocations,
    events,
  };
}
