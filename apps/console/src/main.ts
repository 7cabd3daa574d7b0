import { createWaker } from "@rollcall/core/queue";
import { createOutward, createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, createCredentials, isReady, openDatabase } from "@rollcall/core/store";
import { consoleRoutes, loginSettingNames, loginSettingsOf, startPages } from "./console.ts";

const settings = [
  "DATABASE_URL",
  "DATABASE_POOL",
  "REDIS_URL",
  "ROLLCALL_SECRET",
  "FEED_STALE_SEC_MAX",
  "PUBLIC_URL",
  "INGEST_URL",
  "EGRESS_LOOPBACK",
  "PROVIDER_NETWORKS",
  "CONSOLE_PORT",
  ...loginSettingNames,
] as const;

await runProcess("console", settings, async ({ config, log, shutdown, metrics }) => {
  const onError = (error: Error): void => log.warn({ err: error }, "a connection broke");
  const database = openDatabase({ url: config.DATABASE_URL, poolMax: config.DATABASE_POOL, onError });
  shutdown.add("database", () => database.close());
  await assertDurable(database);
  const waker = createWaker({ redisUrl: config.REDIS_URL, databaseUrl: config.DATABASE_URL }, (error) =>
    log.warn({ err: error }, "the queue failed; the sweep goes on"),
  );
  shutdown.add("waker", () => waker.close());

  const loopback = config.EGRESS_LOOPBACK === "allow";
  const console = consoleRoutes({
    database,
    credentials: createCredentials(database, config.ROLLCALL_SECRET, Date.now),
    wake: waker.wake,
    newId,
    publicUrl: config.PUBLIC_URL,
    outward: createOutward({ loopback }),
    asking: createOutward({ loopback, networks: config.PROVIDER_NETWORKS }),
    staleSecMax: config.FEED_STALE_SEC_MAX,
    login: loginSettingsOf(config),
    now: Date.now,
  });
  const pages = await startPages({
    ingestUrl: config.INGEST_URL ?? config.PUBLIC_URL,
    onError: (error) => log.warn({ err: error }, "the console's pages could not be built"),
  });
  await listen(
    createServer(log, { ready: () => isReady(database) }, shutdown, metrics),
    [console, pages],
    { host: config.HOST, port: config.CONSOLE_PORT },
    shutdown,
  );
});
