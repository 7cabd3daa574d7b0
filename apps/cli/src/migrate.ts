import path from "node:path";
import { readConfig } from "@rollcall/core/runtime";
import { migrate, openDatabase } from "@rollcall/core/store";
import { ensureFirstTenant } from "./first-tenant.ts";
import { ensureSecrets } from "./secrets.ts";

export type MigrateOptions = {
  /** Also make the secrets that are missing and the first tenant, whose tokens are printed once. */
  readonly prepare?: boolean;
  readonly secretsDir?: string;
  readonly json?: boolean;
};

/** Applies the migrations that the database has not seen. */
export async function run({ prepare = false, secretsDir = "secrets", json = false }: MigrateOptions): Promise<number> {
  const { DATABASE_URL: url } = readConfig(["DATABASE_URL"]);
  const applied = await migrate(url);
  if (json) process.stdout.write(`${JSON.stringify({ applied })}\n`);
  else process.stdout.write(applied.length === 0 ? "the database is up to date\n" : `applied ${applied.join(", ")}\n`);
  if (prepare) await prepareHouse(url, path.resolve(secretsDir));
  return 0;
}

async function prepareHouse(url: string, directory: string): Promise<void> {
  const secrets = await ensureSecrets(directory);
  const { ROLLCALL_SECRET: secret } = readConfig(["ROLLCALL_SECRET"], secrets);
  const database = openDatabase({ url, poolMax: 2, onError: () => undefined });
  try {
    const tokens = await ensureFirstTenant(database, secret, []);
    if (tokens === undefined) return;
    process.stdout.write(
      `the first tenant's tokens, shown this once:\n  SCIM_TOKEN=${tokens.scim}\n  ADMIN_TOKEN=${tokens.admin}\n  FEED_TOKEN=${tokens.feed}\n`,
    );
  } finally {
    await database.close();
  }
}
