import { createOutward, createServer, listen, newId, runProcess } from "@rollcall/core/runtime";
import { assertDurable, createCredentials, isReady, openDatabase } from "@rollcall/core/store";
import { feedRoutes, openSigner, startEgress } from "./feed.ts";

const settings = [
  "DATABASE_URL",
  "DATABASE_POOL",
  "ROLLCALL_SECRET",
  "FEED_KEYS",
  "SSF_KEYS",
  "EGRESS_LOOPBACK",
  "FEED_STALE_SEC_MAX",
  "ISSUER_KEYS_REFUSED",
  "FEED_REQUESTS_PER_SEC",
  "FEED_WAITING_MAX",
  "FEED_PORT",
  "PUBLIC_URL",
] as const;

await runProcess("feed", settings, async ({ config, log, shutdown, metrics }) => {
  const onError = (error: Error): void => log.warn({ err: error }, "a connection broke");
  const database = openDatabase({ url: config.DATABASE_URL, poolMax: config.DATABASE_POOL, onError });
  shutdown.add("database", () => database.close());
  await assertDurable(database);

  const credentials = createCredentials(database, config.ROLLCALL_SECRET, Date.now);
  const egress = await startEgress({
    database,
    credentials,
    outward: createOutward({ loopback: config.EGRESS_LOOPBACK === "allow" }),
    ssfKeys: config.SSF_KEYS,
    publicUrl: config.PUBLIC_URL,
    log,
    newId,
    now: Date.now,
  });
  shutdown.add("egress", () => egress.close());
  const feed = await feedRoutes({
    database,
    credentials,
    signer: openSigner(config.FEED_KEYS),
    publicUrl: config.PUBLIC_URL,
    staleSecMax: config.FEED_STALE_SEC_MAX,
    refusedKeys: config.ISSUER_KEYS_REFUSED ?? {},
    limits: { requestsPerSec: config.FEED_REQUESTS_PER_SEC, waitingMax: config.FEED_WAITING_MAX },
    now: Date.now,
    newId,
    onError,
  });
  await listen(
    createServer(log, { ready: () => isReady(database) }, shutdown, metrics),
    [feed, egress.routes],
    { host: config.HOST, port: config.FEED_PORT },
    shutdown,
  );
});
