import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** Whether the database answers a statement now. */
export async function isReady(database: Database): Promise<boolean> {
  const rows = await database.house(sql`SELECT 1`);
  return rows.length === 1;
}
