import {
  type Database,
  converge,
  denialsWaiting,
  failClosed,
  isTransient,
  markApplied,
  markDead,
  markFailed,
  takeDenials,
  takeEvents,
  takeLane,
  tenantsWaiting,
  type Transaction,
  type WaitingEvent,
} from "@rollcall/core/store";
import type { Logger } from "@rollcall/core/runtime";

export type DrainOptions = {
  readonly database: Database;
  readonly log: Logger;
  readonly newId: () => string;
  /** Told after the commit of lanes that were given work. */
  readonly wake?: (lanes: readonly number[]) => void;
  readonly batchMax?: number;
  readonly attemptsMax?: number;
};

export type Drain = (lane: number) => Promise<number>;

type Drainer = Required<DrainOptions>;
type TakeSome = (transaction: Transaction, limit: number) => Promise<readonly WaitingEvent[]>;

const retryMsMin = 1_000;
const retryMsMax = 60_000;

/**
 * Applies everything that waits in a lane, denials first, in batches of one tenant and one
 * transaction each. A batch that fails is halved until the faulty subject is alone. Answers how many
 * events were applied. Safe to run twice at once: rows are locked, and converging twice changes nothing.
 */
export function createDrain(options: DrainOptions): Drain {
  const drainer = drainerOf(options);
  return (lane) =>
    untilNothingIsLeft(async () =>
      drainTenants(drainer, await tenantsWaiting(drainer.database, lane), (transaction, limit) =>
        takeLane(transaction, lane, limit),
      ),
    );
}

/** The same for the denials of all lanes: one whose lane has to wait for its turn must not keep a leaver in. */
export function createDenialDrain(options: DrainOptions): () => Promise<number> {
  const drainer = drainerOf(options);
  return () =>
    untilNothingIsLeft(async () => drainTenants(drainer, await denialsWaiting(drainer.database), takeDenials));
}

function drainerOf({ batchMax = 500, attemptsMax = 8, wake = () => undefined, ...options }: DrainOptions): Drainer {
  return { ...options, batchMax, attemptsMax, wake };
}

async function untilNothingIsLeft(drainOnce: () => Promise<number>): Promise<number> {
  let applied = 0;
  for (;;) {
    const progress = await drainOnce();
    if (progress === 0) return applied;
    applied += progress;
  }
}

/** One tenant whose rows are stuck must not keep the others waiting: its failure is raised after their turn. */
async function drainTenants(drainer: Drainer, tenantIds: readonly string[], takeSome: TakeSome): Promise<number> {
  const failures: unknown[] = [];
  let applied = 0;
  for (const tenantId of tenantIds) {
    try {
      applied += await drainTenant(drainer, tenantId, takeSome);
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
  return applied;
}

/** Converges what the events name, and answers the lanes that this gave work. What is not done yet stays waiting. */
async function apply(
  transaction: Transaction,
  tenantId: string,
  events: readonly WaitingEvent[],
): Promise<readonly number[]> {
  const { unfinished, lanes } = await converge(transaction, tenantId, events);
  await markApplied(
    transaction,
    events.flatMap(({ id }) => (unfinished.includes(id) ? [] : [id])),
  );
  return lanes;
}

function wakeLanes({ wake }: Drainer, lanes: readonly number[]): void {
  if (lanes.length > 0) wake(lanes);
}

async function drainTenant(drainer: Drainer, tenantId: string, takeSome: TakeSome): Promise<number> {
  let taken: readonly WaitingEvent[] = [];
  try {
    const lanes = await drainer.database.inTenant(tenantId, async (transaction) => {
      taken = ofOneKind(await takeSome(transaction, drainer.batchMax));
      return taken.length === 0 ? [] : apply(transaction, tenantId, taken);
    });
    wakeLanes(drainer, lanes);
    return taken.length;
  } catch (error) {
    if (taken.length === 0 || isTransient(error)) throw error;
    return bisect(drainer, tenantId, taken, error);
  }
}

/**
 * Users and groups take turns: a transaction that made a membership's group and then came to its own
 * groups would hold what another waits for, and wait for what it holds. The oldest event's kind goes first.
 */
function ofOneKind(events: readonly WaitingEvent[]): readonly WaitingEvent[] {
  return events.filter(({ subjectKind }) => subjectKind === events[0]?.subjectKind);
}

/** The halves keep subjects whole, so a subject's events share their fate. */
async function bisect(
  drainer: Drainer,
  tenantId: string,
  events: readonly WaitingEvent[],
  cause: unknown,
): Promise<number> {
  const bySubject = [...Map.groupBy(events, (event) => event.subjectId).values()];
  if (bySubject.length === 1) {
    await setAside(drainer, tenantId, events, cause);
    return 0;
  }
  const middle = Math.ceil(bySubject.length / 2);
  let applied = 0;
  for (const half of [bySubject.slice(0, middle), bySubject.slice(middle)])
    applied += await applyNamed(drainer, tenantId, half.flat());
  return applied;
}

async function applyNamed(drainer: Drainer, tenantId: string, events: readonly WaitingEvent[]): Promise<number> {
  try {
    let applied = 0;
    const lanes = await drainer.database.inTenant(tenantId, async (transaction) => {
      const taken = await takeEvents(
        transaction,
        events.map(({ id }) => id),
      );
      applied = taken.length;
      return taken.length === 0 ? [] : apply(transaction, tenantId, taken);
    });
    wakeLanes(drainer, lanes);
    return applied;
  } catch (error) {
    if (isTransient(error)) throw error;
    return bisect(drainer, tenantId, events, error);
  }
}

/** A denial that cannot be applied denies at once; then, like any event, it is retried and at last given up. */
async function setAside(
  { database, log, newId, attemptsMax }: Drainer,
  tenantId: string,
  events: readonly WaitingEvent[],
  cause: unknown,
): Promise<void> {
  const first = events[0];
  if (first === undefined) return;
  const ids = events.map(({ id }) => id);
  const attempts = Math.max(...events.map((event) => event.attempts)) + 1;
  log.error(
    { err: cause, tenant: tenantId, subject: first.subjectId, events: ids, attempts },
    "an event cannot be applied",
  );

  const denying = events.find((event) => event.denying);
  if (denying !== undefined) await failClosed(database, tenantId, first.subjectId, denying.acceptedAt);
  const reason = reasonOf(cause);
  if (attempts >= attemptsMax) await markDead(database, tenantId, first.subjectId, ids, reason, newId());
  else await markFailed(database, tenantId, ids, reason, retryMs(attempts));
}

/** Doubles from one second to a minute, with up to a quarter of jitter so that retries spread. */
function retryMs(attempts: number): number {
  return Math.min(retryMsMax, retryMsMin * 2 ** (attempts - 1)) * (1 + Math.random() / 4);
}

/** Names the fault without the data that PostgreSQL may quote in its message. */
function reasonOf(cause: unknown): string {
  const { code, constraint, name, message } = cause as {
    code?: string;
    constraint?: string;
    name?: string;
    message?: string;
  };
  if (code !== undefined) return constraint === undefined ? `database ${code}` : `database ${code} ${constraint}`;
  return `${name ?? "Error"}: ${(message ?? "").slice(0, 300)}`;
}
