import { createRateLimiter, createWaker } from "@rollcall/core/queue";
import { createOutward, createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, createCredentials, isReady, openDatabase } from "@rollcall/core/store";
import { placesIn } from "./scim/admission.ts";
import { ingestRoutes } from "./ingest-routes.ts";
import { startStreamPoller } from "./stream-poller.ts";

const settings = [
  "DATABASE_URL",
  "DATABASE_POOL",
  "REDIS_URL",
  "ROLLCALL_SECRET",
  "PUBLIC_URL",
  "INGEST_PORT",
  "EGRESS_LOOPBACK",
  "PROVIDER_NETWORKS",
  "SCIM_READS_PER_SEC",
  "SCIM_WRITES_PER_SEC",
  "SCIM_DENIALS_PER_SEC",
] as const;

await runProcess("ingest", settings, async ({ config, log, shutdown, metrics }) => {
  const onError = (error: Error): void => log.warn({ err: error }, "a connection broke");
  const database = openDatabase({ url: config.DATABASE_URL, poolMax: config.DATABASE_POOL, onError });
  shutdown.add("database", () => database.close());
  await assertDurable(database);
  const queue = { redisUrl: config.REDIS_URL, databaseUrl: config.DATABASE_URL };
  const waker = createWaker(queue, (error) => log.warn({ err: error }, "the queue failed; the sweep goes on"));
  shutdown.add("waker", () => waker.close());

  const rateLimiter = createRateLimiter(config.REDIS_URL);
  shutdown.add("rate limiter", () => rateLimiter.close());
  const credentials = createCredentials(database, config.ROLLCALL_SECRET, Date.now);
  const outward = createOutward({
    loopback: config.EGRESS_LOOPBACK === "allow",
    networks: config.PROVIDER_NETWORKS,
  });
  shutdown.add("outward", () => outward.close());
  const { wake } = waker;
  const poller = startStreamPoller({ database, credentials, queue, outward, wake, log, newId });
  shutdown.add("stream poller", () => poller.close());
  const scim = ingestRoutes({
    database,
    credentials,
    wake,
    publicUrl: config.PUBLIC_URL,
    outward,
    newId,
    admission: {
      rateLimiter,
      rates: {
        reads: config.SCIM_READS_PER_SEC,
        writes: config.SCIM_WRITES_PER_SEC,
        denials: config.SCIM_DENIALS_PER_SEC,
      },
      places: placesIn(config.DATABASE_POOL),
    },
  });
  await listen(
    createServer(log, { ready: () => isReady(database) }, shutdown, metrics),
    [scim],
    { host: config.HOST, port: config.INGEST_PORT },
    shutdown,
  );
});
