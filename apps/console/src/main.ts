import { createWaker } from "@rollcall/core/queue";
import { createOutward, createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, createCredentials, isReady, openDatabase } from "@rollcall/core/store";
import { consoleRoutes } from "./console.ts";

const settings = [
  "DATABASE_URL",
  "DATABASE_POOL",
  "REDIS_URL",
  "ROLLCALL_SECRET",
  "FEED_STALE_SEC_MAX",
  "PUBLIC_URL",
  "EGRESS_LOOPBACK",
  "CONSOLE_PORT",
] as const;

await runProcess("console", settings, async ({ config, log, shutdown }) => {
  const onError = (error: Error): void => log.warn({ err: error }, "a connection broke");
  const database = openDatabase({ url: config.DATABASE_URL, poolMax: config.DATABASE_POOL, onError });
  shutdown.add("database", () => database.close());
  await assertDurable(database);
  const waker = createWaker({ redisUrl: config.REDIS_URL, databaseUrl: config.DATABASE_URL }, (error) =>
    log.warn({ err: error }, "the queue failed; the sweep goes on"),
  );
  shutdown.add("waker", () => waker.close());

  const console = consoleRoutes({
    database,
    credentials: createCredentials(database, config.ROLLCALL_SECRET, Date.now),
    wake: waker.wake,
    newId,
    publicUrl: config.PUBLIC_URL,
    outward: createOutward({ loopback: config.EGRESS_LOOPBACK === "allow" }),
    staleSecMax: config.FEED_STALE_SEC_MAX,
    now: Date.now,
  });
  await listen(
    createServer(log, { ready: () => isReady(database) }, shutdown),
    [console],
    { host: config.HOST, port: config.CONSOLE_PORT },
    shutdown,
  );
});
