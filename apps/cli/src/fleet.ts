import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { environmentWith, type Fallbacks } from "@rollcall/core/runtime";
import { createCredentials, type Database, migrate, openDatabase } from "@rollcall/core/store";
import { ensureFirstTenant, type FirstTokens } from "./first-tenant.ts";
import { freePort, startPostgres } from "./postgres.ts";
import { privateJwk } from "./secrets.ts";

export type Role = "ingest" | "worker" | "reconciler" | "feed" | "console";

/** The roles as processes of their own, as in production, on a database that is thrown away with its directory. */
export type Fleet = {
  readonly tokens: FirstTokens;
  readonly scimUrl: string;
  readonly feedUrl: string;
  readonly consoleUrl: string;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly credentials: ReturnType<typeof createCredentials>;
  /** Undefined for a role that was not started. */
  processId(role: Role): number | undefined;
  close(): Promise<void>;
};

const startMsMax = 30_000;
const apps = fileURLToPath(new URL("../..", import.meta.url));

export type FleetOptions = {
  readonly redisUrl?: string;
  /** What a leaver passes through, unless others are named. */
  readonly roles?: readonly Role[];
  /** Settings of the roles, over the fleet's own. */
  readonly settings?: Fallbacks;
};

const line: readonly Role[] = ["ingest", "worker", "reconciler", "feed"];

/** Starts PostgreSQL with durable commits, and one process a role; resolves when each says that it is ready. */
export async function startFleet(
  directory: string,
  issuers: readonly string[],
  { redisUrl, roles = line, settings: overriding = {} }: FleetOptions = {},
): Promise<Fleet> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.toReversed()) await closeOne();
  };
  try {
    const postgres = await startPostgres({ directory: path.join(directory, "postgres") });
    closers.push(() => postgres.stop());
    await migrate(postgres.url);
    const database = openDatabase({ url: postgres.url, poolMax: 4, onError: () => undefined });
    closers.push(() => database.close());
    const secret = randomBytes(32).toString("base64url");
    const tokens = await ensureFirstTenant(database, secret, issuers);
    if (tokens === undefined) throw new Error("a new database already has a tenant");

    const ports = await freePorts();
    const settings: Fallbacks = {
      DATABASE_URL: postgres.url,
      REDIS_URL: redisUrl ?? "",
      ROLLCALL_SECRET: secret,
      FEED_KEYS: JSON.stringify({ keys: [await privateJwk("EdDSA")] }),
      SSF_KEYS: JSON.stringify({ keys: [await privateJwk("RS256")] }),
      INGEST_PORT: String(ports.ingest),
      WORKER_PORT: String(ports.worker),
      RECONCILER_PORT: String(ports.reconciler),
      FEED_PORT: String(ports.feed),
      CONSOLE_PORT: String(ports.console),
      // A fleet is shown and measured at what it can do, not at what a connection may ask for.
      SCIM_READS_PER_SEC: "1000000",
      SCIM_WRITES_PER_SEC: "1000000",
      SCIM_DENIALS_PER_SEC: "1000000",
      LOG_LEVEL: "warn",
      ...overriding,
    };
    const children = new Map(roles.map((role) => [role, startRole(role, settings)]));
    closers.push(() => Promise.all([...children.values()].map(stopRole)).then(() => undefined));
    await Promise.all(roles.map((role) => untilReady(role, ports[role])));
    return {
      tokens,
      scimUrl: `http://127.0.0.1:${ports.ingest}/scim/v2`,
      feedUrl: `http://127.0.0.1:${ports.feed}`,
      consoleUrl: `http://127.0.0.1:${ports.console}`,
      database,
      databaseUrl: postgres.url,
      credentials: createCredentials(database, secret, Date.now),
      processId: (role) => children.get(role)?.pid,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function freePorts(): Promise<Readonly<Record<Role, number>>> {
  return {
    ingest: await freePort(),
    worker: await freePort(),
    reconciler: await freePort(),
    feed: await freePort(),
    console: await freePort(),
  };
}

function startRole(role: Role, settings: Fallbacks): ChildProcess {
  const main = path.join(apps, role, "src", "main.ts");
  return spawn(process.execPath, ["--conditions=rollcall-source", main], {
    env: environmentWith(settings),
    stdio: ["ignore", 2, "inherit"],
  });
}

async function stopRole(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  await exited;
}

async function untilReady(role: Role, port: number): Promise<void> {
  const deadline = Date.now() + startMsMax;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    if (Date.now() > deadline) throw new Error(`${role} is not ready after ${startMsMax} ms`);
    await new Promise((resolve) => {
      setTimeout(resolve, 50);
    });
  }
}
