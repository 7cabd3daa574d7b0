import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Client } from "pg";
import { startPostgres } from "@rollcall/cli/postgres";
import { assertDurable, migrate, openDatabase } from "@rollcall/core/store";

// A server of the file's own, on its defaults: the run's trades durability for speed.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-durable-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});
await migrate(postgres.url);

describe("a start", () => {
  test("is granted by PostgreSQL as it comes", async () => {
    await expect(start()).resolves.toBeUndefined();
  });

  test.each([
    ["synchronous_commit", "off"],
    ["synchronous_commit", "local"],
    ["fsync", "off"],
    ["full_page_writes", "off"],
  ])("is refused while an acknowledged event could be lost: %s=%s", async (setting, value) => {
    await configure(`ALTER SYSTEM SET ${setting} = ${value}`);
    try {
      await expect(start()).rejects.toThrow(`${setting}=${value}`);
    } finally {
      await configure(`ALTER SYSTEM RESET ${setting}`);
    }
  });

  test.each(["rollcall_house", "rollcall_app"])("is refused where a database makes one of our roles careless: %s", async (role) => {
    await configure(`ALTER ROLE ${role} SET synchronous_commit = off`);
    try {
      await expect(start()).rejects.toThrow("synchronous_commit=off");
    } finally {
      await configure(`ALTER ROLE ${role} RESET synchronous_commit`);
    }
  });
});

async function start(): Promise<void> {
  const database = openDatabase({ url: postgres.url, poolMax: 2, onError: () => undefined });
  try {
    await assertDurable(database);
  } finally {
    await database.close();
  }
}

async function configure(statement: string): Promise<void> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    await client.query(statement);
    await client.query("SELECT pg_reload_conf()");
    await client.query("SELECT pg_sleep(0.05)");
  } finally {
    await client.end();
  }
}
