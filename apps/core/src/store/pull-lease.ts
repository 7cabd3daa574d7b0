import { type Json, listingMsMax, type PullState } from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** A listing that one process has in hand. */
export type HeldPull = {
  readonly id: string;
  readonly tenantId: string;
  readonly connectionId: string;
  readonly dryRun: boolean;
  readonly state: PullState;
  readonly step: "users" | "groups" | "missing_users" | "missing_groups";
  readonly mark: string | null;
  readonly providerVersion: string | null;
  readonly askedAt: Date | null;
  readonly listed: number;
  readonly listedGroups: number;
  readonly attempts: number;
  /** Whose hand. */
  readonly by: string;
  readonly heldMs: number;
};

/** It is in another's hand by now, or an admin has ended it: whoever held it stops. */
export class PullLost extends Error {
  override readonly name = "PullLost";

  constructor() {
    super("the listing is no longer held by this process");
  }
}

/** Takes a listing in hand, for so long; undefined where another has. */
export async function takePull(
  database: Database,
  tenantId: string,
  id: string,
  { by, heldMs }: Pick<HeldPull, "by" | "heldMs">,
): Promise<HeldPull | undefined> {
  const [row] = await database.once<Omit<HeldPull, "by" | "heldMs">>(
    tenantId,
    sql`UPDATE pull_run SET taken_by = ${by}, taken_until = now() + ${heldMs} * interval '1 millisecond', attempts = attempts + 1
      WHERE id = ${id} AND finished_at IS NULL AND state <> 'braked' AND due_at <= now() AND (taken_until IS NULL OR taken_until <= now())
      RETURNING id, tenant_id AS "tenantId", connection_id AS "connectionId", dry_run AS "dryRun", state, step, mark,
        provider_version AS "providerVersion", asked_at AS "askedAt", listed, listed_groups AS "listedGroups", attempts`,
  );
  return row && { ...row, by, heldMs };
}

/** Keeps it in hand; what has come on a step is not given up for its faults before. Throws `PullLost`. */
export async function holdPull(database: Database, held: HeldPull, hasComeOn = false): Promise<void> {
  await database.inTenant(held.tenantId, (transaction) =>
    setHeld(transaction, held, hasComeOn ? sql`attempts = 0` : sql`attempts = attempts`),
  );
}

/** Changes a listing in hand, and holds it further. Throws `PullLost`. */
export async function setHeld(transaction: Transaction, held: HeldPull, changes: Sql): Promise<void> {
  const [row] = await transaction.query(sql`
    UPDATE pull_run SET ${changes}, taken_until = now() + ${held.heldMs} * interval '1 millisecond'
    WHERE id = ${held.id} AND taken_by = ${held.by} AND finished_at IS NULL RETURNING id`);
  if (row === undefined) throw new PullLost();
}

/** What a reason begins with that is over as soon as the listing goes on. */
export const waitingFor = "waiting: ";

/** Lets go of a listing, to be gone on with after a while. */
export async function releaseHeld(
  database: Database,
  held: HeldPull,
  later: { readonly delayMs: number; readonly reason?: string; readonly isUntried?: boolean },
): Promise<void> {
  await database.once(
    held.tenantId,
    sql`UPDATE pull_run SET attempts = greatest(attempts - ${later.isUntried === true ? 1 : 0}::int, 0), taken_until = NULL, due_at = now() + ${later.delayMs} * interval '1 millisecond', reason = coalesce(${waitingFor}::text || ${later.reason ?? null}::text, reason)
      WHERE id = ${held.id} AND taken_by = ${held.by} AND finished_at IS NULL`,
  );
}

/** Ends a listing where it is, and says why. */
export async function failPull(database: Database, held: HeldPull, reason: string, complete = false): Promise<void> {
  await database.inTenant(held.tenantId, (transaction) =>
    setHeld(transaction, held, sql`state = 'failed', reason = ${reason}, complete = ${complete}, finished_at = now()`),
  );
}

/** Whether nothing may follow from a listing any more, by the clock that says when it began. */
export async function isOutdated(transaction: Transaction, id: string): Promise<boolean> {
  const rows = await transaction.query(
    sql`SELECT FROM pull_run WHERE id = ${id} AND asked_at < clock_timestamp() - ${listingMsMax} * interval '1 millisecond'`,
  );
  return rows.length > 0;
}

/** Ends a listing that is too old to go on, with what it has not settled yet. Answers whether it is. Throws `PullLost`. */
export async function failOutdated(database: Database, held: HeldPull): Promise<boolean> {
  const isOld = await database.inTenant(held.tenantId, (transaction) => isOutdated(transaction, held.id));
  if (isOld)
    await failPull(database, held, "it began more than a day ago, and is no word about now any more: list again", true);
  return isOld;
}

/** Ends whatever listing of a connection is under way: whoever has it in hand stops. */
export async function cancelPulls(transaction: Transaction, connectionId: string, reason: string): Promise<void> {
  await transaction.query(sql`
    UPDATE pull_run SET state = 'cancelled', reason = ${reason}, finished_at = now()
    WHERE connection_id = ${connectionId} AND finished_at IS NULL`);
}

/** Moves a listing in hand on to what comes next. */
export async function movePull(
  database: Database,
  held: HeldPull,
  to: { readonly state: PullState; readonly step: HeldPull["step"]; readonly note?: string },
): Promise<HeldPull> {
  const { state, step, note } = to;
  await database.inTenant(held.tenantId, (transaction) =>
    setHeld(
      transaction,
      held,
      sql`state = ${state}, step = ${step}, mark = NULL, attempts = 0, reason = coalesce(${note ?? null}, reason)`,
    ),
  );
  return { ...held, state, step, mark: null };
}

/** What a row of differences may tell: counts and names, never values. */
export type DifferenceDetail = { readonly [name: string]: Json };
