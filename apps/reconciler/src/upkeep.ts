import { createBell, type Logger } from "@rollcall/core/runtime";
import {
  compactFeed,
  type Database,
  denyLatecomers,
  endDenials,
  feedsWatched,
  feedTenants,
  forgetGateways,
  houseFeedId,
  scheduleCompares,
  settleDeadLetters,
  subjectSets,
  tenantsRefusing,
  tenantsTelling,
  tenantsWithOldSourceEvents,
  trimDeliveries,
  trimFeed,
  trimForgotten,
  trimMarks,
  trimRefusals,
  trimResyncs,
  trimSourceEvents,
  trimSubjects,
  watchGateways,
  type WellSince,
} from "@rollcall/core/store";

export type Upkeep = { close(): Promise<void> };

export type UpkeepOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly retentionSec: number;
  readonly staleSecMax: number;
  /** How often each tenant's user store is compared with its directory, and what follows; without it only when asked. */
  readonly compare?: { readonly everySec: number; readonly heals: boolean };
  readonly newId: () => string;
};

type Duty = { readonly name: string; readonly everyMs: number; readonly run: () => Promise<void> };

/** So long what applications were told is kept, to be told again; and so long it waits for them. */
const egressRetentionSec = 7 * 86_400;

/** So long a gateway may be silent before it is struck off the list. */
const gatewaySilentSec = 7 * 86_400;

/**
 * What the leader does beside publishing, and what never delays it: ends denials whose time has
 * come, watches gateways, forgets what can refuse nobody any more, and trims the logs. All of it is
 * safe to be done twice, so nothing but the lead says who does it.
 */
export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { log } = options;
  const bell = createBell();
  let closed = false;
  const due = new Map(dutiesOf(options).map((duty) => [duty, 0]));

  async function run(): Promise<void> {
    while (!closed) {
      for (const [duty, atMs] of due) {
        if (closed || performance.now() < atMs) continue;
        due.set(duty, performance.now() + duty.everyMs);
        await duty
          .run()
          .catch((error: unknown) =>
            log.error({ err: error, duty: duty.name }, "a duty failed and will be tried again"),
          );
      }
      if (!closed) await bell.wait(Math.max(0, Math.min(...due.values()) - performance.now()));
    }
  }
  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
    },
  };
}

function dutiesOf({ database, log, retentionSec, staleSecMax, compare, newId }: UpkeepOptions): readonly Duty[] {
  const wellSince: WellSince = new Map();
  return [
    { name: "end denials", everyMs: 1_000, run: async () => void (await endDenials(database)) },
    { name: "deny latecomers", everyMs: 5_000, run: () => denyLatecomers(database, newId) },
    { name: "settle dead letters", everyMs: 10_000, run: () => settleDeadLetters(database) },
    {
      name: "watch gateways",
      everyMs: 5_000,
      run: async () => {
        for (const feedId of await feedsWatched(database))
          await watchGateways(database, feedId, staleSecMax, wellSince, { ms: performance.now(), newId });
      },
    },
    {
      name: "compact and trim",
      everyMs: 60_000,
      run: async () => {
        for (const feedId of await feedTenants(database)) {
          if (feedId !== houseFeedId) {
            const { forgotten } = await compactFeed(database, feedId, newId);
            if (forgotten > 0) log.info({ tenant: feedId, forgotten }, "entries were forgotten");
          }
          await trimFeed(database, feedId, retentionSec);
          await trimMarks(database, feedId);
        }
        for (const { tenantId } of await subjectSets(database)) await trimSubjects(database, tenantId, retentionSec);
      },
    },
    ...(compare === undefined
      ? []
      : [
          {
            name: "compare",
            everyMs: 10_000,
            run: async () => void (await scheduleCompares(database, { ...compare, newId })),
          },
        ]),
    ...trimmingsOf(database, newId),
  ];
}

/** What is forgotten once nobody can need it any more. */
function trimmingsOf(database: Database, newId: () => string): readonly Duty[] {
  return [
    {
      name: "trim what applications were told",
      everyMs: 60_000,
      run: async () => {
        for (const tenantId of await tenantsTelling(database))
          await trimDeliveries(database, tenantId, egressRetentionSec, newId);
      },
    },
    {
      name: "delete forgotten sessions and tokens",
      everyMs: 600_000,
      run: async () => {
        for (const feedId of await feedTenants(database))
          if (feedId !== houseFeedId) await trimForgotten(database, feedId);
      },
    },
    {
      name: "forget what sources said",
      everyMs: 600_000,
      run: async () => {
        for (const tenantId of await tenantsWithOldSourceEvents(database)) await trimSourceEvents(database, tenantId);
      },
    },
    {
      name: "forget refusals",
      everyMs: 600_000,
      run: async () => {
        for (const tenantId of await tenantsRefusing(database)) await trimRefusals(database, tenantId);
      },
    },
    { name: "forget resyncs", everyMs: 3_600_000, run: () => trimResyncs(database) },
    {
      name: "forget gateways",
      everyMs: 3_600_000,
      run: async () => {
        for (const feedId of await feedsWatched(database)) await forgetGateways(database, feedId, gatewaySilentSec);
      },
    },
  ];
}
