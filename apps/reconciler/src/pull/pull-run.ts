import { brakeLimitsOf, doubtOf } from "@rollcall/core/domain";
import {
  clearPull,
  compareListedGroups,
  compareListed,
  compareMissing,
  compareMissingGroups,
  endComparison,
  failPull,
  type HeldPull,
  holdPull,
  ListedTwice,
  movePull,
  type PullDuty,
  PullLost,
  readListingFacts,
  releaseHeld,
  startScheduledPull,
  takePull,
} from "@rollcall/core/store";
import { ProviderFailure } from "../providers/provider.ts";
import type { Asker, Askers, AskingParts } from "../read-backs/askers.ts";
import { applyDifferences } from "./apply-differences.ts";
import { listEverybody } from "./list-everybody.ts";

/** Begins a listing that a schedule wants, goes on with one, or forgets what an ended one has listed. Answers whether there may be more to do at once. */
export async function doPullDuty(parts: AskingParts, askers: Askers, due: PullDuty): Promise<number> {
  const { database, newId } = parts;
  const { tenantId, connectionId, duty, runId } = due;
  if (duty === "schedule") return (await startScheduledPull(database, tenantId, connectionId, newId())) ? 1 : 0;
  if (runId === null) return 0;
  if (duty === "clear") {
    await clearPull(database, tenantId, runId);
    return 0;
  }
  const held = await takePull(database, tenantId, runId, { by: newId(), heldMs: parts.pace.pullHeldMs });
  return held === undefined ? 0 : runPull(parts, askers, held);
}

/** Goes on with a listing wherever it is, to its end or to where it has to wait. */
async function runPull(parts: AskingParts, askers: Askers, held: HeldPull): Promise<number> {
  const { database, closing, pace } = parts;
  const asker = await askers.open(held.tenantId, held.connectionId);
  const hold = keepHolding(parts, held);
  try {
    if (asker === undefined) await failPull(database, held, "its connection has no provider any more");
    // To be asked for patience is no failure.
    else if (asker.isPaused()) await releaseHeld(database, held, { delayMs: pace.pauseMsMin, isUntried: true });
    else if (held.attempts > pace.pullAttemptsMax)
      await failPull(
        database,
        held,
        `it came no step further in ${pace.pullAttemptsMax} attempts`,
        held.state === "applying",
      );
    else await goOn(parts, asker, held, hold.signal);
    return 1;
  } catch (error) {
    if (error instanceof PullLost) return 0;
    if (hold.signal.aborted) {
      if (closing.aborted) await releaseHeld(database, held, { delayMs: 0 });
      return 0;
    }
    await putBack(parts, asker, held, error);
    return 0;
  } finally {
    hold.end();
  }
}

async function goOn(parts: AskingParts, asker: Asker, taken: HeldPull, signal: AbortSignal): Promise<void> {
  const { database } = parts;
  const isOther = taken.providerVersion !== null && taken.providerVersion !== asker.version;
  if (isOther && taken.state !== "listing")
    return failPull(database, taken, "the provider's settings have changed since it was listed", true);
  let held = taken;
  if (held.state === "listing") held = await listEverybody(parts, asker, held, signal);
  if (held.state === "comparing") {
    const compared = await compareAll(parts, asker, held, signal);
    if (compared === undefined) return;
    held = compared;
  }
  if (held.state === "applying") await applyDifferences(parts, asker, held, signal);
}

/** Compares the listing with the directory, a stretch at a time. Undefined where nothing is to be applied now. */
async function compareAll(
  { database, newId }: AskingParts,
  { origin }: Asker,
  taken: HeldPull,
  signal: AbortSignal,
): Promise<HeldPull | undefined> {
  const { rules, connection } = origin;
  let held = taken;
  if (held.step === "users" && held.mark === null) {
    const doubt = doubtOf(await readListingFacts(database, held, rules));
    if (doubt !== undefined) {
      await failPull(database, held, `the listing is not believed: ${doubt}`);
      return undefined;
    }
  }
  const walk = async (
    stretch: (database: AskingParts["database"], held: HeldPull, by: typeof rules) => Promise<string | undefined>,
  ) => {
    for (let mark: string | undefined = held.mark ?? undefined; ;) {
      signal.throwIfAborted();
      mark = await stretch(database, { ...held, mark: mark ?? null }, rules);
      if (mark === undefined) return;
    }
  };
  const moveTo = async (step: HeldPull["step"]) => movePull(database, held, { state: "comparing", step });
  if (held.step === "users") {
    await walk(compareListed);
    held = await moveTo("missing_users");
  }
  if (held.step === "missing_users") {
    await walk(compareMissing);
    held = await moveTo("groups");
  }
  // A listing of no group at all is what a provider shows to whoever may not see them.
  const hasGroups = held.listedGroups > 0;
  if (held.step === "groups") {
    if (hasGroups) await walk(compareListedGroups);
    held = await moveTo("missing_groups");
  }
  if (hasGroups) await walk(compareMissingGroups);
  const { state } = await endComparison(database, held, rules, brakeLimitsOf(connection.pull), newId());
  return state === "applying" ? { ...held, state } : undefined;
}

/** Says again and again that it is in hand, and ends what is under way where it no longer is. */
function keepHolding({ database, closing, log }: AskingParts, held: HeldPull) {
  const lost = new AbortController();
  const beat = setInterval(() => {
    holdPull(database, held).catch((error: unknown) => {
      if (error instanceof PullLost) lost.abort();
      else log.warn({ err: error }, "a listing could not be held");
    });
  }, held.heldMs / 3);
  return { signal: AbortSignal.any([closing, lost.signal]), end: () => clearInterval(beat) };
}

const passing: ReadonlySet<string> = new Set(["unreachable", "throttled", "interrupted"]);

/** What passes is waited for, from where it is; of everything else it says why. */
async function putBack(
  { database, pace, log }: AskingParts,
  asker: Asker | undefined,
  held: HeldPull,
  error: unknown,
): Promise<void> {
  if (error instanceof ListedTwice)
    return failPull(database, held, "incomplete: the listing is not whole: somebody was listed twice");
  if (!(error instanceof ProviderFailure) || asker === undefined) {
    await releaseHeld(database, held, { delayMs: pace.pauseMsMin });
    throw error;
  }
  const pausedMs = await asker.failed(error);
  const reason = `${error.reason}: ${error.message}`.slice(0, 500);
  log.warn({ connection: held.connectionId, reason: error.reason }, "a listing broke off");
  if (held.state === "applying" || passing.has(error.reason))
    return releaseHeld(database, held, { delayMs: pausedMs ?? pace.pauseMsMin, reason });
  return failPull(database, held, reason);
}
