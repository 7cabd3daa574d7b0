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

/**
 * PostgreSQL with durable commits, Redis, and every role: real processes that can be killed and
 * started again. A mutant makes its mistake in all of them.
 */
export async function startParts(
  directory: string,
  queue: "redis" | "postgres",
  mutant: string | undefined,
): Promise<Parts> {
  const ports = await choosePorts();
  const startDatabase = (): Promise<EmbeddedPostgres> =>
    startPostgres({ directory: path.join(directory, "postgres"), port: ports.postgres });
  let postgres = await startDatabase();
  await migrate(postgres.url);
  const secret = randomBytes(32).toString("base64url");
  const redisUrl = `redis://127.0.0.1:${ports.redis}`;
  const log = openSync(path.join(directory, "roles.log"), "a");
  const environment = {
    ...(await roleEnvironment(postgres.url, secret, ports)),
    ...(queue === "redis" ? { REDIS_URL: redisUrl } : {}),
    ...(mutant === undefined ? {} : { MUTANT: mutant, NODE_OPTIONS: `--import=${mutantHook}` }),
  };
  const processes = keepProcesses();

  const restart = async (victim: Victim): Promise<void> => {
    switch (victim) {
      case "postgres":
        postgres = await until("PostgreSQL is back", async () => startDatabase().catch(() => undefined), 60_000);
        return;
      case "redis":
        processes.keep("redis", spawnRedis(ports.redis, directory));
        await withRedis(redisUrl, (redis) => redis.ping());
        return;
      default:
        processes.keep(victim, spawnRole(victim, environment, log));
        await untilReady(victim, ports[victim]);
    }
  };
  await restart("redis");
  await Promise.all(roles.map(restart));

  return {
    databaseUrl: postgres.url,
    secret,
    scimUrl: `http://127.0.0.1:${ports.ingest}/scim/v2`,
    feedUrl: `http://127.0.0.1:${ports.feed}`,
    kill: async (victim) => {
      if (victim === "postgres") process.kill(postgres.pid, "SIGKILL");
      else await processes.end(victim, "SIGKILL");
    },
    restart,
    flushRedis: () => withRedis(redisUrl, async (redis) => void (await redis.flushall())),
    fallen: processes.fallen,
    stop: async () => {
      await Promise.all([...roles, "redis" as const].map((name) => processes.end(name, "SIGTERM")));
      await postgres.stop();
      closeSync(log);
    },
  };
}

type Ports = Readonly<Record<Victim, number>>;

async function choosePorts(): Promise<Ports> {
  const [postgres, redis, ingest, worker, reconciler, feed] = await Promise.all(Array.from({ length: 6 }, freePort));
  return { postgres, redis, ingest, worker, reconciler, feed } as Ports;
}

async function roleEnvironment(databaseUrl: string, secret: string, ports: Ports): Promise<NodeJS.ProcessEnv> {
  return {
    ...process.env,
    DATABASE_URL: databaseUrl,
    DATABASE_POOL: "8",
    ROLLCALL_SECRET: secret,
    FEED_KEYS: JSON.stringify({ keys: [await privateJwk("EdDSA")] }),
    SSF_KEYS: JSON.stringify({ keys: [await privateJwk("RS256")] }),
    LOG_LEVEL: "warn",
    INGEST_PORT: String(ports.ingest),
    WORKER_PORT: String(ports.worker),
    RECONCILER_PORT: String(ports.reconciler),
    FEED_PORT: String(ports.feed),
  };
}

/** Knows which process is which, and which of them ended without being told to. */
function keepProcesses() {
  const running = new Map<Exclude<Victim, "postgres">, ChildProcess>();
  const expected = new WeakSet<ChildProcess>();
  const fallen: string[] = [];
  return {
    fallen: (): readonly string[] => fallen,
    keep: (name: Exclude<Victim, "postgres">, child: ChildProcess): void => {
      running.set(name, child);
      child.once("exit", (code, signal) => {
        if (!expected.has(child)) fallen.push(`${name} ended by itself (${signal ?? code ?? "?"})`);
      });
    },
    end: async (name: Exclude<Victim, "postgres">, signal: NodeJS.Signals): Promise<void> => {
      const child = running.get(name);
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      expected.add(child);
      const exited = new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
      });
      child.kill(signal);
      await exited;
    },
  };
}

function spawnRedis(port: number, directory: string): ChildProcess {
  const durable = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"];
  return spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", ...durable], {
    stdio: "ignore",
    cwd: directory,
  });
}

const apps = fileURLToPath(new URL("../../apps", import.meta.url));
const mutantHook = new URL("../harness/mutants/hook.ts", import.meta.url).href;

function spawnRole(role: Role, env: NodeJS.ProcessEnv, log: number): ChildProcess {
  const main = path.join(apps, role, "src", "main.ts");
  return spawn(process.execPath, ["--conditions=rollcall-source", main], { env, stdio: ["ignore", log, log] });
}

async function untilReady(role: Role, port: number): Promise<void> {
  const isReady = async (): Promise<boolean> =>
    (await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined))?.ok === true;
  await until(`${role} is ready`, isReady, 30_000);
}

async function withRedis<Result>(url: string, work: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = new Redis(url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
  redis.on("error", () => undefined);
  try {
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
