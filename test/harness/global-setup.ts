import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestProject } from "vitest/node";
import { Client } from "pg";
import { migrate } from "@rollcall/core/store";
import { type Part, startParts } from "./parts.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The server's URL without a database; `rollcall_template` is migrated and ready to be cloned. */
    readonly postgresUrl: string;
    /** Empty where no Redis could be had. */
    readonly redisUrl: string;
  }
}

/** Starts the real parts once for a run, and prepares the database that each file clones. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-test-"));
  const parts = await startParts(directory);
  try {
    await prepareTemplate(parts.postgresUrl);
  } catch (error) {
    await stopAll(parts.running);
    throw error;
  }
  project.provide("postgresUrl", parts.postgresUrl);
  project.provide("redisUrl", parts.redisUrl ?? "");
  if (parts.missing.length > 0) {
    const line = `could not run: ${parts.missing.join("; ")}`;
    if (process.env["CI"] === "true") throw new Error(line);
    process.on("exit", () => process.stdout.write(`\n${line}\n`));
  }
  return async () => {
    await stopAll(parts.running);
    await rm(directory, { recursive: true, force: true });
  };
}

/** The migrated database that each file's is cloned from. */
export async function prepareTemplate(postgresUrl: string): Promise<void> {
  const client = new Client({ connectionString: `${postgresUrl}/postgres` });
  await client.connect();
  try {
    await client.query("CREATE DATABASE rollcall_template");
  } finally {
    await client.end();
  }
  await migrate(`${postgresUrl}/rollcall_template`);
}

async function stopAll(running: readonly Part[]): Promise<void> {
  for (const part of running.toReversed()) await part.stop();
}
