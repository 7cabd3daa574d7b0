import type { FastifyPluginAsync } from "fastify";
import { consoleRoutes, type LoginSettings, startPages } from "@rollcall/console";
import type { Rates } from "@rollcall/core/domain";
import { createRateLimiter, createWaker } from "@rollcall/core/queue";
import { createOutward, type Logger, type Metrics, newId, type Shutdown } from "@rollcall/core/runtime";
import type { Credentials, Database } from "@rollcall/core/store";
import { type FeedLimits, feedRoutes, openSigner, startEgress } from "@rollcall/feed";
import { ingestRoutes, placesIn, startStreamPoller } from "@rollcall/ingest";
import { startCanaries, startPublisher, startReadBacks, startResyncs } from "@rollcall/reconciler";
import { startWorker } from "@rollcall/worker";

export type RolesOptions = {
  readonly database: Database;
  readonly credentials: Credentials;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  readonly feedKeys: string;
  readonly ssfKeys: string;
  /** Whether applications on this machine itself may be told. */
  readonly egressLoopback: boolean;
  /** Networks besides the public Internet that identity providers are asked in. */
  readonly providerNetworks: readonly string[];
  readonly publicUrl: string;
  /** Where people log in to the admin API. */
  readonly login: LoginSettings | undefined;
  readonly staleSecMax: number;
  /** The ids of issuers' keys that verify no token, by issuer. */
  readonly refusedKeys: Readonly<Record<string, readonly string[]>>;
  readonly retentionSec: number;
  /** How often each tenant's user store is compared with its directory, and whether that heals what differs. */
  readonly compare: { readonly everySec: number; readonly heals: boolean };
  /** What the feed lets one token ask for, and how many may wait. */
  readonly feedLimits: FeedLimits;
  readonly poolMax: number;
  /** What each SCIM connection may ask for in a second. */
  readonly rates: Rates;
  /** What Prometheus is told; undefined where nobody has a token for it. */
  readonly metrics: Metrics | undefined;
  readonly log: Logger;
  readonly shutdown: Shutdown;
};

/** Starts every role in this process, and answers the HTTP parts that are still to be mounted. */
export async function startRoles(options: RolesOptions): Promise<readonly FastifyPluginAsync[]> {
  const { database, credentials, publicUrl, login, log, shutdown } = options;
  const queue = { redisUrl: options.redisUrl, databaseUrl: options.databaseUrl };
  const waker = createWaker(queue, (error) => log.warn({ err: error }, "the queue failed; the sweep goes on"));
  shutdown.add("waker", () => waker.close());
  const worker = startWorker({ database, queue, log, newId });
  shutdown.add("worker", () => worker.close());
  const { retentionSec, staleSecMax, compare } = options;
  const publisher = await startPublisher({
    database,
    log,
    retentionSec,
    staleSecMax,
    compare,
    metrics: options.metrics,
    newId,
  });
  shutdown.add("publisher", () => publisher.close());

  const rateLimiter = createRateLimiter(options.redisUrl);
  shutdown.add("rate limiter", () => rateLimiter.close());
  const admission = { rateLimiter, rates: options.rates, places: placesIn(options.poolMax) };
  const feed = await feedRoutes({
    database,
    credentials,
    signer: openSigner(options.feedKeys),
    publicUrl,
    staleSecMax,
    refusedKeys: options.refusedKeys,
    limits: options.feedLimits,
    now: Date.now,
    newId,
    onError: (error) => log.warn({ err: error }, "the feed lost a connection"),
  });
  const outward = createOutward({ loopback: options.egressLoopback });
  const { ssfKeys } = options;
  const egress = await startEgress({ database, credentials, outward, ssfKeys, publicUrl, log, newId, now: Date.now });
  shutdown.add("egress", () => egress.close());
  const { wake } = waker;
  const consoleDeps = { database, credentials, newId, publicUrl, staleSecMax, login, now: Date.now };
  const asking = createOutward({ loopback: options.egressLoopback, networks: options.providerNetworks });
  shutdown.add("outward", () => asking.close());
  const poller = startStreamPoller({ database, credentials, queue, outward: asking, wake, log, newId });
  shutdown.add("stream poller", () => poller.close());
  const readBacks = await startReadBacks({ database, credentials, outward: asking, wake, publicUrl, log, newId });
  shutdown.add("read-backs", () => readBacks.close());
  const canaries = startCanaries({ database, wake, staleSecMax, log, newId });
  shutdown.add("canaries", () => canaries.close());
  const resyncs = await startResyncs({ database, wake, log });
  shutdown.add("resyncs", () => resyncs.close());
  return [
    ingestRoutes({ database, credentials, wake, publicUrl, outward: asking, newId, admission }),
    feed,
    egress.routes,
    consoleRoutes({ ...consoleDeps, wake, outward, asking }),
    await startPages({
      ingestUrl: publicUrl,
      onError: (error) => log.warn({ err: error }, "the console's pages could not be built"),
    }),
  ];
}
