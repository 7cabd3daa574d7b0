import { mkdtemp, rm } from "node:fs/promises";
import { chmodSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { startPostgres } from "@rollcall/cli/postgres";
import { migrate, schemaDrift } from "@rollcall/core/store";

/** The migrations, applied to an empty PostgreSQL, make what schema.prisma describes. */
export async function checkMigrations(): Promise<void> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-check-"));
  // PostgreSQL runs as another user where we are root, and has to come in.
  chmodSync(directory, 0o755);
  try {
    const postgres = await startPostgres({ directory: path.join(directory, "postgres"), settings: ["fsync=off"] });
    try {
      await migrate(postgres.url);
      const drift = await schemaDrift(postgres.url);
      if (drift !== "")
        throw new Error(`the migrations do not make what prisma/schema.prisma describes; missing is:\n${drift}`);
    } finally {
      await postgres.stop();
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
