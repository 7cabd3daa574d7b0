import type { FastifyPluginAsync } from "fastify";
import { consoleRoutes } from "@rollcall/console";
import type { Rates } from "@rollcall/core/domain";
import { createRateLimiter, createWaker } from "@rollcall/core/queue";
import { createOutward, type Logger, newId, type Shutdown } from "@rollcall/core/runtime";
import type { Credentials, Database } from "@rollcall/core/store";
import { type FeedLimits, feedRoutes, openSigner, startEgress } from "@rollcall/feed";
import { ingestRoutes, placesIn } from "@rollcall/ingest";
import { startPublisher } from "@rollcall/reconciler";
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
  readonly publicUrl: string;
  readonly staleSecMax: number;
  /** The ids of issuers' keys that verify no token, by issuer. */
  readonly refusedKeys: Readonly<Record<string, readonly string[]>>;
  readonly retentionSec: number;
  /** What the feed lets one token ask for, and how many may wait. */
  readonly feedLimits: FeedLimits;
  readonly poolMax: number;
  /** What each SCIM connection may ask for in a second. */
  readonly rates: Rates;
  readonly log: Logger;
  readonly shutdown: Shutdown;
};

/** Starts every role in this process, and answers the HTTP parts that are still to be mounted. */
export async function startRoles(options: RolesOptions): Promise<readonly FastifyPluginAsync[]> {
  const { database, credentials, publicUrl, log, shutdown } = options;
  const queue = { redisUrl: options.redisUrl, databaseUrl: options.databaseUrl };
  const waker = createWaker(queue, (error) => log.warn({ err: error }, "the queue failed; the sweep goes on"));
  shutdown.add("waker", () => waker.close());
  const worker = startWorker({ database, queue, log, newId });
  shutdown.add("worker", () => worker.close());
  const { retentionSec, staleSecMax } = options;
  const publisher = await startPublisher({ database, log, retentionSec, staleSecMax, newId });
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
  return [
    ingestRoutes({ database, credentials, wake: waker.wake, publicUrl, newId, admission }),
    feed,
    egress.routes,
    consoleRoutes({ database, credentials, wake: waker.wake, newId, publicUrl, outward, staleSecMax, now: Date.now }),
  ];
}
