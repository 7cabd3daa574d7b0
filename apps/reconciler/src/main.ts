import { createWaker } from "@rollcall/core/queue";
import { createOutward, createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, createCredentials, isReady, openDatabase } from "@rollcall/core/store";
import { startCanaries, startPublisher, startReadBacks, startResyncs } from "./reconciler.ts";

await runProcess(
  "reconciler",
  [
    "DATABASE_URL",
    "DATABASE_POOL",
    "REDIS_URL",
    "ROLLCALL_SECRET",
    "PUBLIC_URL",
    "PROVIDER_NETWORKS",
    "FEED_RETENTION_SEC",
    "FEED_STALE_SEC_MAX",
    "COMPARE_EVERY_SEC",
    "COMPARE_HEALS",
    "RECONCILER_PORT",
  ],
  async ({ config, log, shutdown, metrics }) => {
    const database = openDatabase({
      url: config.DATABASE_URL,
      poolMax: config.DATABASE_POOL,
      onError: (error) => log.warn({ err: error }, "a connection broke"),
    });
    shutdown.add("database", () => database.close());
    await assertDurable(database);

    const publisher = await startPublisher({
      database,
      log,
      retentionSec: config.FEED_RETENTION_SEC,
      staleSecMax: config.FEED_STALE_SEC_MAX,
      metrics,
      compare: { everySec: config.COMPARE_EVERY_SEC, heals: config.COMPARE_HEALS === "heal" },
      newId,
    });
    shutdown.add("publisher", () => publisher.close());
    const waker = createWaker({ redisUrl: config.REDIS_URL, databaseUrl: config.DATABASE_URL }, (error) =>
      log.warn({ err: error }, "the queue failed; the sweep goes on"),
    );
    shutdown.add("waker", () => waker.close());
    const outward = createOutward({ loopback: false, networks: config.PROVIDER_NETWORKS });
    shutdown.add("outward", () => outward.close());
    const readBacks = await startReadBacks({
      database,
      credentials: createCredentials(database, config.ROLLCALL_SECRET, Date.now),
      outward,
      wake: waker.wake,
      publicUrl: config.PUBLIC_URL,
      log,
      newId,
    });
    shutdown.add("read-backs", () => readBacks.close());
    const canaries = startCanaries({
      database,
      wake: waker.wake,
      staleSecMax: config.FEED_STALE_SEC_MAX,
      log,
      newId,
    });
    shutdown.add("canaries", () => canaries.close());
    const resyncs = await startResyncs({ database, wake: waker.wake, log });
    shutdown.add("resyncs", () => resyncs.close());
    await listen(
      createServer(log, { ready: () => isReady(database) }, shutdown, metrics),
      [],
      { host: config.HOST, port: config.RECONCILER_PORT },
      shutdown,
    );
  },
);
