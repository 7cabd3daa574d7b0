import {
  burning,
  type Hold,
  holdOf,
  type LagStage,
  type Level,
  look,
  type Patience,
  silenceOf,
  spikeMinutes,
  spikeOf,
  usualMinutes,
} from "@rollcall/core/domain";
import {
  burnCounts,
  countRefusals,
  type Database,
  type NewAlert,
  openAlert,
  openAlertLevels,
  readHeard,
  readObjectives,
  readStanding,
  resolveAlerts,
} from "@rollcall/core/store";

export type AlertWatch = {
  /** Looks at one tenant once, at a moment of a clock that is never put back. */
  evaluate(tenantId: string, nowMs: number): Promise<void>;
};

export type AlertWatchOptions = {
  readonly database: Database;
  readonly newId: () => string;
  /** The time of day, where a story has its own. */
  readonly now?: () => number;
};

/** What was seen of one thing that an alert may be about. */
type Sight = { readonly key: string; readonly level: Level | undefined; readonly detail: NewAlert["detail"] };
type WatchedKind = "lag" | "connection_silent" | "refusal_spike";

const patience: Readonly<Record<WatchedKind, Patience>> = {
  lag: { openMs: 30_000, closeMs: 300_000 },
  connection_silent: { openMs: 300_000, closeMs: 60_000 },
  refusal_spike: { openMs: 30_000, closeMs: 600_000 },
};

/** What stands still for so many times its objective needs somebody now. */
const standsLong = 10;

/**
 * Opens and closes the alerts that follow from figures. What it remembers of each it remembers for itself: a
 * successor begins its patience anew, from the alerts that are open.
 */
export function createAlertWatch({ database, newId, now = Date.now }: AlertWatchOptions): AlertWatch {
  const holds = new Map<string, Hold>();
  const looks: Readonly<Record<WatchedKind, (tenantId: string) => Promise<readonly Sight[]>>> = {
    lag: (tenantId) => lookAtLag(database, tenantId),
    connection_silent: (tenantId) => lookAtConnections(database, tenantId, now()),
    refusal_spike: (tenantId) => lookAtRefusals(database, tenantId, now()),
  };

  async function evaluateKind(tenantId: string, kind: WatchedKind, nowMs: number): Promise<void> {
    const [sights, open] = await Promise.all([looks[kind](tenantId), openAlertLevels(database, tenantId, kind)]);
    const seen = new Set(sights.map(({ key }) => key));
    // What an alert is open for and nobody sees any more, a connection that was removed or a reason that refuses no one, is well.
    const gone = [...open.keys()]
      .filter((key) => !seen.has(key))
      .map((key) => ({ key, level: 0 as const, detail: {} }));
    for (const sight of [...sights, ...gone]) {
      const name = `${tenantId} ${kind} ${sight.key}`;
      const before = holds.get(name) ?? holdOf(open.get(sight.key) ?? 0);
      const { hold, turn } = look(before, sight.level, nowMs, patience[kind]);
      if (turn === "resolved") await resolveAlerts(database, tenantId, kind, [sight.key]);
      else if (turn !== undefined) await openOne(tenantId, kind, sight, hold.told === 2 ? 2 : 1);
      // What is well and of which nothing is told needs no memory.
      if (hold.told === 0 && sight.level === 0) holds.delete(name);
      else holds.set(name, hold);
    }
  }
  async function openOne(tenantId: string, kind: WatchedKind, { key, detail }: Sight, level: 1 | 2): Promise<void> {
    await database.inTenant(tenantId, (transaction) =>
      openAlert(transaction, tenantId, { id: newId(), kind, key, level, detail }),
    );
  }
  return {
    evaluate: async (tenantId, nowMs) => {
      for (const kind of Object.keys(looks) as WatchedKind[]) await evaluateKind(tenantId, kind, nowMs);
    },
  };
}

/** Late is what burns its budget too fast, and what stands still for longer than it may take. */
async function lookAtLag(database: Database, tenantId: string): Promise<readonly Sight[]> {
  const objectives = await readObjectives(database, tenantId);
  const [counts, standing] = await Promise.all([
    burnCounts(database, tenantId, objectives),
    readStanding(database, tenantId),
  ]);
  const waited: Readonly<Record<LagStage, number | undefined>> = {
    occurredToAccepted: undefined,
    acceptedToApplied: standing.oldestUnappliedMs,
    appliedToPublished: standing.oldestUnpublishedMs,
    publishedToEnforced: standing.oldestUnenforcedMs,
  };
  return objectives.map(({ stage, p99Ms, share }) => {
    const windows = counts.find((count) => count.stage === stage)?.windows;
    const speed = windows === undefined ? "no" : burning(windows, share);
    const waitedMs = waited[stage] ?? 0;
    const burns = { no: 0, slow: 1, fast: 2 } as const;
    const stands = waitedMs > standsLong * p99Ms ? 2 : waitedMs > p99Ms ? 1 : 0;
    const level = Math.max(burns[speed], stands) as Level;
    const why = stands >= burns[speed] ? "waiting" : speed;
    const hour = windows?.hour ?? { total: 0, late: 0 };
    return {
      key: stage,
      level,
      detail: { stage, objectiveMs: p99Ms, share, why, waitedMs, lateInHour: hour.late, passedInHour: hour.total },
    };
  });
}

async function lookAtConnections(database: Database, tenantId: string, nowMs: number): Promise<readonly Sight[]> {
  const heard = await readHeard(database, tenantId, new Date(nowMs));
  return heard.map(({ connectionId, slug, heardMs, lastMs }) => {
    const { silentMs, usualMs, isSilent } = silenceOf(heardMs, lastMs, nowMs);
    const level = isSilent === undefined ? undefined : isSilent ? 1 : 0;
    const detail = {
      connection: slug,
      silentSec: Math.round(silentMs / 1_000),
      usualSec: Math.round((usualMs ?? 0) / 1_000),
    };
    return { key: connectionId, level, detail };
  });
}

async function lookAtRefusals(database: Database, tenantId: string, nowMs: number): Promise<readonly Sight[]> {
  const counts = await countRefusals(database, tenantId, new Date(nowMs - usualMinutes * 60_000));
  return [...Map.groupBy(counts, ({ reason }) => reason)].map(([reason, own]) => {
    const minutes = own.map(({ minute, count }) => ({ minuteMs: minute.getTime(), count }));
    const recent = minutes.filter(({ minuteMs }) => minuteMs >= nowMs - spikeMinutes * 60_000);
    const refused = recent.reduce((sum, { count }) => sum + count, 0);
    return { key: reason, level: spikeOf(minutes, nowMs), detail: { reason, refused, withinMinutes: spikeMinutes } };
  });
}
