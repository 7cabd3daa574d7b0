import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { MigrationList } from "@prisma/schema-engine-wasm/schema_engine_bg";
import { withSchemaEngine } from "./schema-engine.ts";

const directory = fileURLToPath(new URL("../../../../prisma", import.meta.url));
const filters = { externalTables: [], externalEnums: [] };

/** Applies every migration that the database has not seen, and names them. Safe to run twice, and at once: Prisma takes a lock. */
export async function migrate(databaseUrl: string): Promise<readonly string[]> {
  const list = await migrationsList();
  return withSchemaEngine(databaseUrl, undefined, async (engine) => {
    const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList: list, filters });
    return appliedMigrationNames;
  });
}

/** The SQL that would make the database match schema.prisma; empty where they agree. */
export async function schemaDrift(databaseUrl: string): Promise<string> {
  const schema = await readFile(path.join(directory, "schema.prisma"), "utf8");
  const files = [{ path: "schema.prisma", content: schema }];
  return withSchemaEngine(databaseUrl, schema, async (engine) => {
    const { exitCode, stdout } = await engine.diff({
      from: { tag: "schemaDatasource", files, configDir: directory },
      to: { tag: "schemaDatamodel", files },
      script: true,
      exitCode: true,
      filters,
    });
    return exitCode === 0 ? "" : (stdout ?? "the database differs from schema.prisma");
  });
}

async function migrationsList(): Promise<MigrationList> {
  const baseDir = path.join(directory, "migrations");
  const entries = await readdir(baseDir, { withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return {
    baseDir,
    lockfile: {
      path: "migration_lock.toml",
      content: await readFile(path.join(baseDir, "migration_lock.toml"), "utf8"),
    },
    shadowDbInitScript: "",
    migrationDirectories: await Promise.all(
      names.map(async (name) => ({
        path: name,
        migrationFile: {
          path: "migration.sql",
          content: { tag: "ok" as const, value: await readFile(path.join(baseDir, name, "migration.sql"), "utf8") },
        },
      })),
    ),
  };
}
