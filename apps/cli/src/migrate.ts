import path from "node:path";
import { readConfig } from "@rollcall/core/runtime";
import { isReady, isTransient, migrate, openDatabase } from "@rollcall/core/store";
import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";
import { ensureFirstTenant, type FirstTokens } from "./first-tenant.ts";
import { ensureSecrets, type Secrets } from "./secrets.ts";
import type { Session } from "./session.ts";

export type MigrateOptions = {
  /** Also make the secrets that are missing and the first tenant, whose tokens are printed once. */
  readonly prepare?: boolean;
  readonly secretsDir?: string;
};

/** Applies the migrations that the database has not seen. Throws `CommandError` where it cannot. */
export async function run(
  { prepare = false, secretsDir = "secrets" }: MigrateOptions,
  print: Session["print"],
): Promise<void> {
  const { DATABASE_URL: url } = readConfig(["DATABASE_URL"]);
  const applied = await migrate(url).catch(async (error: Error) => {
    throw await failureOf(url, error);
  });
  const tokens = prepare ? await prepareHouse(url, path.resolve(secretsDir)) : undefined;
  const done = applied.length === 0 ? "the database is up to date" : `applied ${applied.join(", ")}`;
  print({ applied, ...(tokens && { tokens }) }, () => (tokens === undefined ? done : `${done}\n${shown(tokens)}`));
}

/** The engine's errors are sentences without a code: whether it is the database that does not answer, another question tells. */
async function failureOf(url: string, error: Error): Promise<CommandError> {
  const cause = { cause: error };
  const why = error.message.trim();
  if (await answers(url))
    return new CommandError(exitCodes.refused, "migration_failed", `the database was not migrated: ${why}`, cause);
  const [sentence] = why.split("\n");
  const advice = "Is it running? DATABASE_URL says where it is.";
  return new CommandError(exitCodes.unreachable, "database_unreachable", `${sentence}.\n${advice}`, cause);
}

async function answers(url: string): Promise<boolean> {
  const database = openDatabase({ url, poolMax: 2, onError: () => undefined });
  try {
    return await isReady(database);
  } catch (error) {
    return !isTransient(error);
  } finally {
    await database.close();
  }
}

/** The first tenant's tokens; undefined where it exists, for they are shown once. */
async function prepareHouse(url: string, directory: string): Promise<FirstTokens | undefined> {
  const secrets = await secretsIn(directory);
  const { ROLLCALL_SECRET: secret } = readConfig(["ROLLCALL_SECRET"], secrets);
  const database = openDatabase({ url, poolMax: 2, onError: () => undefined });
  try {
    return await ensureFirstTenant(database, secret, []);
  } finally {
    await database.close();
  }
}

async function secretsIn(directory: string): Promise<Secrets> {
  try {
    return await ensureSecrets(directory);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    throw new CommandError(exitCodes.usage, "secrets_unusable", `no secrets can be kept in ${directory}: ${code}`, {
      cause,
    });
  }
}

function shown({ scim, admin, feed }: FirstTokens): string {
  return `the first tenant's tokens, shown this once:\n  SCIM_TOKEN=${scim}\n  ADMIN_TOKEN=${admin}\n  FEED_TOKEN=${feed}`;
}
