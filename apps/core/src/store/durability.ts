import type { Database } from "./database.ts";
import { sql } from "./sql.ts";

/** Throws where PostgreSQL would acknowledge a commit that it could still lose. */
export async function assertDurable(database: Database): Promise<void> {
  const rows = await database.house<{ name: string; setting: string }>(
    sql`SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting IN ('off', 'local')`,
  );
  const lax = rows.filter(({ name, setting }) => setting === "off" || name !== "synchronous_commit");
  if (lax.length > 0) {
    const named = lax.map(({ name, setting }) => `${name}=${setting}`).join(", ");
    throw new Error(
      `PostgreSQL runs with ${named}: an acknowledged event could be lost. Turn it on; Rollcall does not start without it`,
    );
  }
}
