import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

/** Does a piece of a transaction's work of which nothing is left where it throws; what came before it stands, and the transaction goes on. */
export async function withinSavepoint<Result>(transaction: Transaction, work: () => Promise<Result>): Promise<Result> {
  await transaction.query(sql`SAVEPOINT step`);
  try {
    const result = await work();
    await transaction.query(sql`RELEASE SAVEPOINT step`);
    return result;
  } catch (error) {
    // Where even this fails the connection is gone, and the whole transaction with it. Released too: one around it has the same name.
    await transaction.query(sql`ROLLBACK TO SAVEPOINT step`).catch(() => undefined);
    await transaction.query(sql`RELEASE SAVEPOINT step`).catch(() => undefined);
    throw error;
  }
}
