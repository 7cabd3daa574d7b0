import { createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, isReady, openDatabase } from "@rollcall/core/store";
import { startPublisher } from "./reconciler.ts";

await runProcess(
  "reconciler",
  ["DATABASE_URL", "DATABASE_POOL", "FEED_RETENTION_SEC", "FEED_STALE_SEC_MAX", "RECONCILER_PORT"],
  async ({ config, log, shutdown }) => {
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
      newId,
    });
    shutdown.add("publisher", () => publisher.close());
    await listen(
      createServer(log, { ready: () => isReady(database) }, shutdown),
      [],
      { host: config.HOST, port: config.RECONCILER_PORT },
      shutdown,
    );
  },
);
