import type { AttributeTimes, UserAttributes } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import type { Sender } from "./directory-store.ts";
import { findProvisioned } from "./provisioned-user.ts";
import { sql } from "./sql.ts";
import { replaceStatement, reviveStatement } from "./user-statements.ts";

/** What a write that was stated leaves behind: the lanes to wake, and whether it takes something away. */
export type StatedWrite = { readonly lanes: readonly number[]; readonly denying: boolean; readonly subjectId?: string };

/** Says nothing new, but when it was so. */
export async function confirmStated(
  transaction: Transaction,
  userId: string,
  statedAt: Date | undefined,
  times?: AttributeTimes,
): Promise<StatedWrite> {
  if (statedAt !== undefined || times !== undefined)
    await transaction.query(sql`
      UPDATE directory_user SET stated_at = coalesce(${statedAt ?? null}::timestamptz, stated_at),
        attribute_times = coalesce(${times === undefined ? null : JSON.stringify(times)}::jsonb, attribute_times)
      WHERE id = ${userId}`);
  return { lanes: [], denying: false };
}

/** Creates a user, or brings back the tombstone of the same person, or takes over whoever was made from their token. */
export async function createStated(
  transaction: Transaction,
  tenantId: string,
  sender: Sender,
  id: string,
  attributes: UserAttributes,
): Promise<StatedWrite> {
  const made = await findProvisioned(transaction, sender.connectionId, attributes);
  const [row] = await transaction.query<{ id: string; lane: number; denying: boolean }>(
    made === undefined
      ? reviveStatement(tenantId, sender, id, attributes)
      : replaceStatement(tenantId, sender, made.id, made.version, attributes),
  );
  if (row === undefined) throw new Error("a user was neither created nor refused");
  return { lanes: [row.lane], denying: row.denying, subjectId: row.id };
}

/** What a statement about a locked user has written. */
export function statedWrite([row]: readonly { readonly lane: number; readonly denying: boolean }[]): StatedWrite {
  if (row === undefined) throw new Error("a locked user was not found again");
  return { lanes: [row.lane], denying: row.denying };
}
