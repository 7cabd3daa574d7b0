import { performance } from "node:perf_hooks";
import { createPostgresBackend, Queue, type QueueOptions, Worker } from "bullmq";
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import { Redis } from "ioredis";
import { createRawRows, type RawRows } from "./raw-rows.ts";

/** Applies a number of events in one way, and answers how many were applied in a second. */
export type Rival = (databaseUrl: string, count: number) => Promise<number>;

const concurrency = 32;

/** The limit: each event in a transaction of its own, 32 at once, which PostgreSQL commits in groups. */
export const rawCommits: Rival = async (databaseUrl, count) => {
  const rows = await createRawRows(databaseUrl, count);
  try {
    let next = 0;
    const startedAt = performance.now();
    await Promise.all(
      Array.from({ length: concurrency }, async () => {
        for (let id = rows.ids[next++]; id !== undefined; id = rows.ids[next++]) await rows.apply(id);
      }),
    );
    return perSec(count, startedAt);
  } finally {
    await rows.close();
  }
};

/** A job for each event on BullMQ over Redis. The jobs are there before the clock starts. */
export function bullmqOnRedis(redisUrl: string): Rival {
  return async (databaseUrl, count) => {
    const redis = new Redis(redisUrl, { maxRetriesPerRequest: null });
    try {
      return await throughBullmq({ connection: redis }, databaseUrl, count);
    } finally {
      redis.disconnect();
    }
  };
}

/** The same on BullMQ over PostgreSQL. */
export const bullmqOnPostgres: Rival = (databaseUrl, count) =>
  throughBullmq(
    { connection: { connectionString: databaseUrl, schema: "bench_bullmq", migrate: true, max: 40 } as never },
    databaseUrl,
    count,
    createPostgresBackend as never,
  );

type Backing = Pick<QueueOptions, "connection">;

async function throughBullmq(backing: Backing, databaseUrl: string, count: number, backend?: never): Promise<number> {
  const rows = await createRawRows(databaseUrl, count);
  const name = `bench-${performance.now()}`.replace(".", "-");
  const queue = new Queue(name, { ...backing }, backend);
  try {
    for (let from = 0; from < count; from += 1_000)
      await queue.addBulk(
        rows.ids
          .slice(from, from + 1_000)
          .map((id) => ({ name: "event", data: { id }, opts: { removeOnComplete: true } })),
      );
    return await counted(rows, count, (apply) => {
      const worker = new Worker<{ id: number }>(
        name,
        (job) => apply(job.data.id),
        { ...backing, concurrency },
        backend,
      );
      return () => worker.close();
    });
  } finally {
    await queue.close();
    await rows.close();
  }
}

/** A job for each event on graphile-worker, which takes them two hundred at a time. */
export const graphileWorker: Rival = async (databaseUrl, count) => {
  const rows = await createRawRows(databaseUrl, count);
  const logger = new Logger(() => () => undefined);
  const utils = await makeWorkerUtils({ connectionString: databaseUrl, logger });
  try {
    await utils.migrate();
    for (let from = 0; from < count; from += 1_000)
      await utils.addJobs(rows.ids.slice(from, from + 1_000).map((id) => ({ identifier: "event", payload: { id } })));
    return await counted(rows, count, async (apply) => {
      const runner = await run({
        connectionString: databaseUrl,
        concurrency,
        maxPoolSize: concurrency,
        noHandleSignals: true,
        logger,
        taskList: { event: (payload) => apply((payload as { readonly id: number }).id) },
        preset: { worker: { localQueue: { size: 200 }, completeJobBatchDelay: 0 } },
      });
      return () => runner.stop();
    });
  } finally {
    await utils.release();
    await rows.close();
  }
};

/** Starts a worker and stops its clock when it has applied the last. */
async function counted(
  rows: RawRows,
  count: number,
  start: (apply: (id: number) => Promise<void>) => (() => Promise<void>) | Promise<() => Promise<void>>,
): Promise<number> {
  const all = Promise.withResolvers<number>();
  let applied = 0;
  const startedAt = performance.now();
  const stop = await start(async (id) => {
    await rows.apply(id);
    if ((applied += 1) === count) all.resolve(perSec(count, startedAt));
  });
  const rate = await all.promise;
  await stop();
  return rate;
}

function perSec(count: number, startedAt: number): number {
  return (count * 1_000) / (performance.now() - startedAt);
}
