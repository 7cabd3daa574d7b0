import { assertQueueSafe } from "@rollcall/core/queue";
import { createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, isReady, openDatabase } from "@rollcall/core/store";
import { startWorker } from "./worker.ts";

await runProcess(
  "worker",
  ["DATABASE_URL", "DATABASE_POOL", "REDIS_URL", "WORKER_PORT"],
  async ({ config, log, shutdown, metrics }) => {
    const queue = { redisUrl: config.REDIS_URL, databaseUrl: config.DATABASE_URL };
    const database = openDatabase({
      url: config.DATABASE_URL,
      poolMax: config.DATABASE_POOL,
      onError: (error) => log.warn({ err: error }, "a connection broke"),
    });
    shutdown.add("database", () => database.close());
    await assertDurable(database);
    await assertQueueSafe(queue, (error) =>
      log.warn({ err: error }, "the queue does not answer; the sweep works without it"),
    );

    const worker = startWorker({ database, queue, log, newId });
    shutdown.add("worker", () => worker.close());
    await listen(
      createServer(log, { ready: () => isReady(database) }, shutdown, metrics),
      [],
      { host: config.HOST, port: config.WORKER_PORT },
      shutdown,
    );
  },
);
