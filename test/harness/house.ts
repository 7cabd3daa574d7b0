import { randomBytes, randomUUID } from "node:crypto";
import { Client } from "pg";
import { Redis } from "ioredis";
import { exportJWK, generateKeyPair } from "jose";
import { afterAll, inject } from "vitest";
import { consoleRoutes, type LoginSettings } from "@rollcall/console";
import type { Rates } from "@rollcall/core/domain";
import { createRateLimiter, createWaker, type QueueAddress, type Waker } from "@rollcall/core/queue";
import { createOutward, createServer, createShutdown, listen, newId } from "@rollcall/core/runtime";
import { createCredentials, type Credentials, type Database, isReady, openDatabase } from "@rollcall/core/store";
import { type Egress, type FeedLimits, feedRoutes, openSigner, startEgress } from "@rollcall/feed";
import { ingestRoutes, placesIn } from "@rollcall/ingest";
import { type ReadBackOptions, startPublisher, startReadBacks, startResyncs } from "@rollcall/reconciler";
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
  readonly egress: Egress;
  /** Every route that the house answers, as `GET /v1/…`. */
  readonly routes: readonly string[];
};

export type HouseOptions = {
  readonly queue?: "postgres" | "redis";
  /** Roles that stay out: a story about a late or lost part starts it itself. */
  readonly without?: readonly ("worker" | "publisher" | "resyncs")[];
  /** Another house's, where several share one database. */
  readonly databaseUrl?: string;
  /** A Redis of the story's own, which it may stop. */
  readonly redisUrl?: string;
  /** The clock of lists and their cursors. */
  readonly now?: () => number;
  /** The feed's own clock. */
  readonly feedNow?: () => number;
  /** What each SCIM connection may ask for in a second; without it more than any story asks for. */
  readonly rates?: Rates;
  /** Over how many seconds that is counted. */
  readonly rateWindowSec?: number;
  /** The feed's own, where the story rotates them. */
  readonly feedKeys?: string;
  /** What signs what applications are told, where the story rotates it. */
  readonly ssfKeys?: string;
  /** How applications are told: how long to wait after each failure, whether at all, and whether on this machine. */
  readonly egress?: {
    readonly scheduleSec?: readonly number[];
    readonly sends?: boolean;
    readonly loopback?: boolean;
  };
  /** What the feed lets one token ask for, and how many may wait; without it more than any story does. */
  readonly feedLimits?: Partial<FeedLimits>;
  /** Asks providers, and how; without it nobody does. */
  readonly readBacks?: Pick<ReadBackOptions, "pace" | "now">;
  /** Serves more than the roles' own parts. */
  readonly parts?: Parameters<typeof listen>[1];
  /** Where people log in to the admin API. */
  readonly login?: LoginSettings;
  /** The ids of issuers' keys that verify no token here. */
  readonly refusedKeys?: Readonly<Record<string, readonly string[]>>;
};

export const houseSecret = "a secret of the house that tests know";
const poolMax = 8;
const staleSecMax = 30;
const plentiful: Rates = { reads: 1_000_000, writes: 1_000_000, denials: 1_000_000 };
/** Tries again ten times in a second, and for longer than any story lasts. */
const patient = Array.from({ length: 1_000 }, () => 0.1);
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
  const database = openDatabase({ url: databaseUrl, poolMax, onError: () => undefined });
  shutdown.add("database", () => database.close());
  const waker = createWaker(queue, () => undefined);
  shutdown.add("waker", () => waker.close());
  const worker = without.includes("worker") ? undefined : startWorker({ database, queue, log: quietLog, newId });
  if (worker !== undefined) shutdown.add("worker", () => worker.close());
  if (!without.includes("publisher")) {
    const publisher = await startPublisher({ database, log: quietLog, retentionSec: 3600, staleSecMax, newId });
    shutdown.add("publisher", () => publisher.close());
  }
  const credentials = createCredentials(database, houseSecret, Date.now);
  const app = createServer(quietLog, { ready: () => isReady(database) }, shutdown);
  const publicUrl = "https://rollcall.test";
  const signer = openSigner(options.feedKeys ?? (await feedKeys()));
  const feed = await feedRoutes({
    database,
    credentials,
    signer,
    publicUrl,
    staleSecMax,
    refusedKeys: options.refusedKeys ?? {},
    limits: { requestsPerSec: 1_000_000, waitingMax: 10_000, ...options.feedLimits },
    now: options.feedNow ?? Date.now,
    newId,
    onError: () => undefined,
  });
  const { loopback = true, sends = true, scheduleSec = patient } = options.egress ?? {};
  const outward = createOutward({ loopback });
  const egress = await startEgress({
    database,
    credentials,
    outward,
    ssfKeys: options.ssfKeys ?? (await ssfKeys()),
    publicUrl,
    log: quietLog,
    newId,
    now: Date.now,
    pace: { scheduleSec, timeoutMs: 2_000, pauseMs: 10, pollMs: 50 },
    sends,
  });
  shutdown.add("egress", () => egress.close());
  if (options.readBacks !== undefined) {
    const asking = { database, credentials, outward, wake: waker.wake, publicUrl, log: quietLog, newId };
    const readBacks = await startReadBacks({ ...asking, ...options.readBacks });
    shutdown.add("read-backs", () => readBacks.close());
  }
  if (!without.includes("resyncs")) {
    const resyncs = await startResyncs({ database, wake: waker.wake, log: quietLog });
    shutdown.add("resyncs", () => resyncs.close());
  }
  const rateLimiter = createRateLimiter(queue.redisUrl, options.rateWindowSec);
  shutdown.add("rate limiter", () => rateLimiter.close());
  const { rates = plentiful } = options;
  const admission = { rateLimiter, rates, places: placesIn(poolMax) };
  const clock = options.now === undefined ? {} : { now: options.now };
  const { wake } = waker;
  const ingest = ingestRoutes({ database, credentials, wake, publicUrl, outward, newId, admission, ...clock });
  const console = consoleRoutes({
    database,
    credentials,
    wake: waker.wake,
    newId,
    publicUrl,
    outward,
    asking: outward,
    staleSecMax,
    login: options.login,
    now: Date.now,
  });
  const port = await listen(
    app,
    [ingest, feed, egress.routes, console, ...(options.parts ?? [])],
    { host: "127.0.0.1", port: 0 },
    shutdown,
  );
  afterAll(() => shutdown.run("end of the file"));
  return {
    url: `http://127.0.0.1:${port}`,
    database,
    databaseUrl,
    queue,
    credentials,
    waker,
    worker,
    egress,
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

let sharedKeys: Promise<string> | undefined;

/** An RSA key takes its time, so the houses of one file share one. */
function ssfKeys(): Promise<string> {
  return (sharedKeys ??= newSsfKeys());
}

/** A private JWKS of one RSA key. */
export async function newSsfKeys(): Promise<string> {
  const { privateKey } = await generateKeyPair("RS256", { extractable: true });
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
