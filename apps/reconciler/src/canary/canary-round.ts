import { setTimeout as delay } from "node:timers/promises";
import { canaryAttributes, type CanaryStep, type CanaryTiming, DirectoryError } from "@rollcall/core/domain";
import {
  type CanaryDuty,
  type CanaryRound,
  type CanarySight,
  createUserDirectory,
  type Database,
  endCanary,
  findConnection,
  markCanary,
  seeCanary,
  takeCanary,
  type UserDirectory,
} from "@rollcall/core/store";

export type CanaryParts = {
  readonly database: Database;
  readonly newId: () => string;
  /** Tells the workers that these lanes have work. */
  readonly wake: (lanes: readonly number[], denying: boolean) => void;
  /** How old a checkpoint may be before a gateway is blind. */
  readonly staleSecMax: number;
  readonly closing: AbortSignal;
};

const lookMsMin = 5;
const lookMsMax = 250;

/** Creates a user, waits until they would be let in, deactivates them, waits until they would be refused, and leaves nothing behind. */
export async function runCanary(parts: CanaryParts, due: CanaryDuty): Promise<void> {
  const { database, newId } = parts;
  const [round, connection] = await Promise.all([
    takeCanary(database, due, newId()),
    findConnection(database, due.tenantId, due.connectionId),
  ]);
  if (round === undefined || connection === undefined) return;
  const users = createUserDirectory(database, newId);
  // One that was broken off before has left its user.
  if (round.userId !== null) await remove(parts, users, round, round.userId);
  const steps: CanaryTiming[] = [];
  let userId: string | undefined;
  const attempt = (step: CanaryStep, work: (signal: AbortSignal) => Promise<void>): Promise<boolean> =>
    timed(parts, round, step, work).then((timing) => {
      if (timing !== undefined) steps.push(timing);
      return timing?.ok === true;
    });
  const attributes = canaryAttributes(connection);
  const isThrough = async (): Promise<boolean> =>
    (await attempt("create", async () => {
      userId = await create(parts, users, round, attributes);
    })) &&
    (await attempt("visible", (signal) => see(parts, round, userId, isAdmitted, signal))) &&
    (await attempt("deactivate", () => deactivate(parts, users, round, userId, attributes))) &&
    attempt("refused", (signal) => see(parts, round, userId, isRefused, signal));
  let wentWell = false;
  try {
    wentWell = await isThrough();
  } finally {
    if (userId !== undefined) await remove(parts, users, round, userId);
  }
  // One that the end of this process has broken off says nothing of the way.
  if (wentWell || !parts.closing.aborted) await endCanary(database, round, steps, newId());
}

/** How long a step took, and whether within its deadline; undefined where the process ends. */
async function timed(
  { closing }: CanaryParts,
  { deadlineMs }: CanaryRound,
  step: CanaryStep,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<CanaryTiming | undefined> {
  const deadline = AbortSignal.timeout(deadlineMs);
  const begunMs = performance.now();
  const ok = await work(AbortSignal.any([closing, deadline])).then(
    () => true,
    (error: unknown) => {
      // A way that refuses, or is not there, is what a canary is to find.
      if (error instanceof DirectoryError || deadline.aborted || closing.aborted) return false;
      throw error;
    },
  );
  if (closing.aborted && !ok) return undefined;
  const ms = Math.round((performance.now() - begunMs) * 10) / 10;
  return { step, ms, ok: ok && ms <= deadlineMs };
}

/** By the same door as what the connection's provider sends, and marked in the same transaction. */
async function create(
  { database, wake, newId }: CanaryParts,
  users: UserDirectory,
  round: CanaryRound,
  attributes: ReturnType<typeof canaryAttributes>,
): Promise<string> {
  const written = await database.together(round.tenantId, async () => {
    const created = await users.create(round.tenantId, senderOf(round, newId()), attributes);
    await markCanary(database, round, created.resource.id);
    return created;
  });
  wake(written.lanes, written.denying);
  return written.resource.id;
}

async function deactivate(
  { wake, newId }: CanaryParts,
  users: UserDirectory,
  round: CanaryRound,
  userId = "",
  attributes: ReturnType<typeof canaryAttributes>,
): Promise<void> {
  const held = await users.find(round.tenantId, round.connectionId, userId);
  if (held === undefined) throw new DirectoryError("not_found", "somebody has deleted the canary's user");
  const sender = senderOf(round, newId());
  const { lanes, denying } = await users.replace(round.tenantId, sender, userId, held.version, {
    ...attributes,
    active: false,
  });
  wake(lanes, denying);
}

async function remove(
  { wake, newId }: CanaryParts,
  users: UserDirectory,
  round: CanaryRound,
  userId: string,
): Promise<void> {
  if ((await users.find(round.tenantId, round.connectionId, userId)) === undefined) return;
  const { lanes, denying } = await users.remove(round.tenantId, senderOf(round, newId()), userId);
  wake(lanes, denying);
}

async function see(
  { database, staleSecMax }: CanaryParts,
  { tenantId }: CanaryRound,
  userId = "",
  isSeen: (sight: CanarySight) => boolean,
  signal: AbortSignal,
): Promise<void> {
  for (let waitMs = lookMsMin; ; waitMs = Math.min(waitMs * 2, lookMsMax)) {
    signal.throwIfAborted();
    const sight = await seeCanary(database, tenantId, userId, staleSecMax);
    if (sight !== undefined && isSeen(sight)) return;
    await delay(waitMs, undefined, { signal });
  }
}

/** A token of theirs would be let in. */
function isAdmitted({ applied, denied, published }: CanarySight): boolean {
  return applied && !denied && published === 0;
}

/** Every gateway refuses all of their tokens; where nobody issues any, the application does. */
function isRefused({ applied, denied, subjects, refused }: CanarySight): boolean {
  return applied && denied && refused === subjects;
}

function senderOf({ connectionId }: CanaryRound, requestId: string) {
  return { connectionId, requestId, source: "canary" } as const;
}
