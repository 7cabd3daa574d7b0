import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Client } from "pg";
import { startPostgres } from "@rollcall/cli/postgres";
import { assertDurable, migrate, openDatabase } from "@rollcall/core/store";
import { feedKeys, houseSecret, newSsfKeys } from "../harness/house.ts";
import { type Role, spawnRole } from "../harness/role.ts";
import { until } from "../harness/until.ts";

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
    await expect(check()).resolves.toBeUndefined();
  });

  test.each(["synchronous_commit", "fsync", "full_page_writes"])(
    "is refused while an acknowledged event could be lost: %s=off",
    async (setting) => {
      await expect(whileSet(setting, check)).rejects.toThrow(`${setting}=off`);
    },
  );

  test("is refused where only this database is careless", async () => {
    await query("ALTER DATABASE rollcall SET synchronous_commit = off");
    try {
      await expect(check()).rejects.toThrow("synchronous_commit=off");
    } finally {
      await query("ALTER DATABASE rollcall RESET synchronous_commit");
    }
  });

  test.each(["ingest", "worker", "reconciler", "feed"] as const)(
    "is refused by the process itself: %s",
    async (role) => {
      const { code, output } = await whileSet("fsync", () => startRole(role));
      expect(code).toBe(1);
      expect(output).toContain("fsync=off");
    },
  );
});

async function check(): Promise<void> {
  const database = openDatabase({ url: postgres.url, poolMax: 2, onError: () => undefined });
  try {
    await assertDurable(database);
  } finally {
    await database.close();
  }
}

async function startRole(role: Role): Promise<{ readonly code: unknown; readonly output: string }> {
  const child = spawnRole(role, {
    DATABASE_URL: postgres.url,
    ROLLCALL_SECRET: houseSecret,
    FEED_KEYS: await feedKeys(),
    SSF_KEYS: await newSsfKeys(),
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const [code] = (await once(child, "exit")) as [unknown];
  return { code, output };
}

async function whileSet<Result>(setting: string, work: () => Promise<Result>): Promise<Result> {
  await configure(`ALTER SYSTEM SET ${setting} = off`, setting, "off");
  try {
    return await work();
  } finally {
    await configure(`ALTER SYSTEM RESET ${setting}`, setting, "on");
  }
}

async function configure(statement: string, setting: string, expected: string): Promise<void> {
  await query(statement);
  await query("SELECT pg_reload_conf()");
  await until(
    `${setting} is ${expected}`,
    async () => (await query(`SELECT setting FROM pg_settings WHERE name = '${setting}'`))[0]?.setting === expected,
  );
}

async function query(statement: string): Promise<readonly { readonly setting?: string }[]> {
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  try {
    return (await client.query<{ setting?: string }>(statement)).rows;
  } finally {
    await client.end();
  }
}
