import type { Transaction } from "./database.ts";
import type { LockedUser } from "./named-users.ts";
import { sql } from "./sql.ts";

/** Who has shut a user out last: SCIM, which speaks of this application, or somebody who speaks of the account. Undefined for who is in. */
export async function shutOutBy(transaction: Transaction, user: LockedUser): Promise<"scim" | "other" | undefined> {
  if (!user.deleted && user.attributes.active) return undefined;
  const [row] = await transaction.query<{ source: string }>(sql`
    SELECT source FROM lifecycle_event
    WHERE subject_id = ${user.id} AND (kind IN ('user.deactivated', 'user.deleted') OR kind = 'user.created' AND denying)
    ORDER BY id DESC LIMIT 1`);
  return row?.source === "scim" ? "scim" : "other";
}
