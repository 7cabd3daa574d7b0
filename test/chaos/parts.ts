import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { type EmbeddedPostgres, freePort, startPostgres } from "@rollcall/cli/postgres";
import { migrate } from "@rollcall/core/store";
import { privateJwk } from "@rollcall/cli/secrets";
import { until } from "../harness/until.ts";

export type Role = "ingest" | "worker" | "reconciler" | "feed";
export type Victim = Role | "postgres" | "redis";

const roles: readonly Role[] = ["ingest", "worker", "reconciler", "feed"];

export type Parts = {
  readonly databaseUrl: string;
  readonly secret: string;
  readonly scimUrl: string;
  readonly feedUrl: string;
  /** Kills a process as a power cut would: at once, and without a word. */
  kill(victim: Victim): Promise<void>;
  restart(victim: Victim): Promise<void>;
  /** Empties Redis of every job and lock that BullMQ has. */
  flushRedis(): Promise<void>;
  /** Roles that ended by themselves, which none may. */
  fallen(): readonly string[];
  stop(): Promise<void>;
};

const apps = fileURLToPath(new URL("../../apps", import.meta.url));

/** PostgreSQL with durable commits, Redis, and every role: real processes that can be killed and started again. */
export async function startParts(directory: string): Promise<Parts> {
  const ports = {
    postgres: await freePort(),
    redis: await freePort(),
    ingest: await freePort(),
    worker: await freePort(),
    reconciler: await freePort(),
    feed: await freePort(),
  };
  const startDatabase = (): Promise<EmbeddedPostgres> =>
    startPostgres({ directory: path.join(directory, "postgres"), port: ports.postgres });
  let postgres = await startDatabase();
  await migrate(postgres.url);
  const secret = randomBytes(32).toString("base64url");
  const redisUrl = `redis://127.0.0.1:${ports.redis}`;
  const log = openSync(path.join(directory, "roles.log"), "a");
  const environment = {
    ...process.env,
    DATABASE_URL: postgres.url,
    DATABASE_POOL: "8",
    REDIS_URL: redisUrl,
    ROLLCALL_SECRET: secret,
    FEED_KEYS: JSON.stringify({ keys: [await privateJwk("EdDSA")] }),
    LOG_LEVEL: "warn",
    INGEST_PORT: String(ports.ingest),
    WORKER_PORT: String(ports.worker),
    RECONCILER_PORT: String(ports.reconciler),
    FEED_PORT: String(ports.feed),
  };
  const running = new Map<Exclude<Victim, "postgres">, ChildProcess>();
  const expected = new WeakSet<ChildProcess>();
  const fallen: string[] = [];

  function keep(name: Exclude<Victim, "postgres">, child: ChildProcess): void {
    running.set(name, child);
    child.once("exit", (code, signal) => {
      if (!expected.has(child)) fallen.push(`${name} ended by itself (${signal ?? code ?? "?"})`);
    });
  }
  function startRedis(): void {
    const args = [
      "--port",
      String(ports.redis),
      "--bind",
      "127.0.0.1",
      "--save",
      "",
      "--appendonly",
      "no",
      "--maxmemory-policy",
      "noeviction",
    ];
    keep("redis", spawn("redis-server", args, { stdio: "ignore", cwd: directory }));
  }
  function startRole(role: Role): void {
    keep(
      role,
      spawn(process.execPath, ["--conditions=rollcall-source", path.join(apps, role, "src", "main.ts")], {
        env: environment,
        stdio: ["ignore", log, log],
      }),
    );
  }
  const roleReady = (role: Role): Promise<boolean> =>
    until(
      `${role} is ready`,
      async () => (await fetch(`http://127.0.0.1:${ports[role]}/readyz`).catch(() => undefined))?.ok === true,
      30_000,
    );
  async function withRedis<Result>(work: (redis: Redis) => Promise<Result>): Promise<Result> {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    redis.on("error", () => undefined);
    try {
      return await work(redis);
    } finally {
      redis.disconnect();
    }
  }

  startRedis();
  await withRedis((redis) => redis.ping());
  for (const role of roles) startRole(role);
  await Promise.all(roles.map(roleReady));

  return {
    databaseUrl: postgres.url,
    secret,
    scimUrl: `http://127.0.0.1:${ports.ingest}/scim/v2`,
    feedUrl: `http://127.0.0.1:${ports.feed}`,
    kill: async (victim) => {
      if (victim === "postgres") {
        process.kill(postgres.pid, "SIGKILL");
        return;
      }
      const child = running.get(victim);
      if (child === undefined) throw new Error(`${victim} does not run`);
      expected.add(child);
      await killChild(child, "SIGKILL");
    },
    restart: async (victim) => {
      if (victim === "postgres") {
        postgres = await until("PostgreSQL is back", async () => startDatabase().catch(() => undefined), 60_000);
        return;
      }
      if (victim === "redis") {
        startRedis();
        await withRedis((redis) => redis.ping());
        return;
      }
      startRole(victim);
      await roleReady(victim);
    },
    flushRedis: () => withRedis(async (redis) => void (await redis.flushall())),
    fallen: () => fallen,
    stop: async () => {
      for (const child of running.values()) expected.add(child);
      await Promise.all([...running.values()].map((child) => killChild(child, "SIGTERM")));
      await postgres.stop();
      closeSync(log);
    },
  };
}

async function killChild(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill(signal);
  await exited;
}
