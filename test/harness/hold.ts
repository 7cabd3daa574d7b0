import { Client } from "pg";
import type { House } from "./house.ts";

/** A lock that the story holds, so that whoever wants it stops there. */
export type Hold = { letGo(): Promise<void> };

/** Runs a statement as a tenant's own, in a transaction that stays open until it is rolled back. */
export async function hold(
  { databaseUrl }: Pick<House, "databaseUrl">,
  tenantId: string,
  statement: string,
  values: readonly unknown[],
): Promise<Hold> {
  const client = new Client({ connectionString: databaseUrl });
  // A server that stops while the lock is held ends the story for a reason of its own, which is to be heard.
  client.on("error", () => undefined);
  await client.connect();
  await client.query("BEGIN");
  await client.query("SELECT set_config('rollcall.tenant', $1, true)", [tenantId]);
  await client.query("SET LOCAL ROLE rollcall_app");
  await client.query(statement, [...values]);
  return {
    letGo: async () => {
      await client.query("ROLLBACK");
      await client.end();
    },
  };
}
