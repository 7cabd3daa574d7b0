import { randomBytes, randomUUID } from "node:crypto";
import { Client } from "pg";
import { Redis } from "ioredis";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, inject } from "vitest";
import { consoleRoutes } from "@rollcall/console";
import { createWaker, type QueueAddress, type Waker } from "@rollcall/core/queue";
import { createServer, createShutdown, listen, newId } from "@rollcall/core/runtime";
import { createCredentials, type Credentials, type Database, isReady, openDatabase } from "@rollcall/core/store";
import { feedRoutes, openSigner } from "@rollcall/feed";
import { ingestRoutes } from "@rollcall/ingest";
import { startPublisher } from "@rollcall/reconciler";
import { startWorker, type Worker } from "@rollcall/worker";
import { pino } from "pino";

export type House = {
  readonly url: string;
  readonly database: Database;
  readonly databaseUrl: string;
  readonly queue: QueueAddress;
  readonly credentials: Credentials;
  readonly waker: Waker;
  readonly worker: Worker | undefined;
  /** Every route that the house answers, as `GET /v1/…`. */
  readonly routes: readonly string[];
};

export type HouseOptions = {
  readonly queue?: "postgres" | "redis";
  /** Roles that stay out: a story about a late or lost part starts it itself. */
  readonly without?: readonly ("worker" | "publisher")[];
  /** Another house's, where several share one database. */
  readonly databaseUrl?: string;
  /** A Redis of the story's own, which it may stop. */
  readonly redisUrl?: string;
};

export const houseSecret = "a secret of the house that tests know";
export const quietLog = pino({ level: "silent" });

/** A database of the file's own, cloned from the migrated template. */
export async function cloneDatabase(): Promise<string> {
  const server = inject("postgresUrl");
  const name = `t_${randomBytes(8).toString("hex")}`;
  const client = new Client({ connectionString: `${server}/postgres` });
  await client.connect();
  try {
    await client.query(`CREATE DATABASE ${name} TEMPLATE rollcall_template`);
  } finally {
    await client.end();
  }
  return `${server}/${name}`;
}

/** Every role of Rollcall in this process, on a database of its own and real queues, closed after the file. */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const { queue: backend = "postgres", without = [] } = options;
  const databaseUrl = options.databaseUrl ?? (await cloneDatabase());
  const queue = {
    databaseUrl,
    redisUrl: options.redisUrl ?? (backend === "redis" ? await redisDatabase() : undefined),
  };
  const shutdown = createShutdown(quietLog, 20_000);
  const database = openDatabase({ url: databaseUrl, poolMax: 8, onError: () => undefined });
  shutdown.add("database", () => database.close());
  const waker = createWaker(queue, () => undefined);
  shutdown.add("waker", () => waker.close());
  const worker = without.includes("worker") ? undefined : startWorker({ database, queue, log: quietLog, newId });
  if (worker !== undefined) shutdown.add("worker", () => worker.close());
  if (!without.includes("publisher")) {
    const publisher = await startPublisher({ database, log: quietLog, retentionSec: 3600 });
    shutdown.add("publisher", () => publisher.close());
  }
  const credentials = createCredentials(database, houseSecret, Date.now);
  const app = createServer(quietLog, { ready: () => isReady(database) }, shutdown);
  const publicUrl = "https://rollcall.test";
  const signer = await openSigner(await feedKeys());
  const feed = await feedRoutes({
    database,
    credentials,
    signer,
    publicUrl,
    staleSecMax: 30,
    now: Date.now,
    onError: () => undefined,
  });
  const ingest = ingestRoutes({ database, credentials, wake: waker.wake, publicUrl, newId });
  const console = consoleRoutes({ database, credentials, wake: waker.wake, newId, publicUrl, now: Date.now });
  const port = await listen(app, [ingest, feed, console], { host: "127.0.0.1", port: 0 }, shutdown);
  afterAll(() => shutdown.run("end of the file"));
  return {
    url: `http://127.0.0.1:${port}`,
    database,
    databaseUrl,
    queue,
    credentials,
    waker,
    worker,
    routes: routesOf(app.printRoutes({ commonPrefix: false })),
  };
}

/** Reads the router's own table, printed as a tree: a route that is nowhere else is in it. */
function routesOf(tree: string): readonly string[] {
  const above: string[] = [];
  return tree.split("\n").flatMap((line) => {
    const [, indent = "", path = "", methods] = /^((?:│ {3}| {4})*)[├└]── (\S*)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? [];
    above.splice(indent.length / 4, Number.POSITIVE_INFINITY, path);
    return (methods?.split(", ") ?? []).map((method) => `${method} ${above.join("")}`);
  });
}

export async function feedKeys(): Promise<string> {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  return JSON.stringify({ keys: [{ ...(await exportJWK(privateKey)), kid: randomUUID() }] });
}

/** A Redis database of the house's own, so that no other house takes its jobs. */
async function redisDatabase(): Promise<string> {
  const url = inject("redisUrl");
  if (url === "") throw new Error("no Redis: install redis-server");
  const redis = new Redis(url, { maxRetriesPerRequest: 1 });
  try {
    return `${url}/${await redis.incr("houses")}`;
  } finally {
    redis.disconnect();
  }
}
