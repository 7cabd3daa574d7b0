import { DirectoryError, type ReadBackOutcome, type SubjectNames } from "@rollcall/core/domain";
import {
  beginQuestion,
  convergeAnswer,
  createGroupDirectory,
  failOutdated,
  finishPull,
  type GivenAnswer,
  type HeldPull,
  holdPull,
  readGroupDelta,
  settleDifference,
  type WaitingDifference,
  waitingDifferences,
} from "@rollcall/core/store";
import type { Asker, AskingParts } from "../read-backs/askers.ts";
import { ProviderFailure } from "../providers/provider.ts";
import { ask } from "../read-backs/read-back-round.ts";

/** What came of one difference, and whether it is one no more. */
type Settled = { readonly outcome: string; readonly isHealed: boolean };

const batchMax = 64;
/** After these the directory is as the provider says. */
const healing: ReadonlySet<ReadBackOutcome> = new Set(["written", "created", "deleted", "unchanged", "absent"]);

/** Writes what a listing has found into the directory, as an answer about each: whoever loses access goes first. Nothing of one that has waited for too long. */
export async function applyDifferences(
  parts: AskingParts,
  asker: Asker,
  held: HeldPull,
  signal: AbortSignal,
): Promise<void> {
  const { database, pace } = parts;
  for (;;) {
    const waiting = await waitingDifferences(database, held, batchMax);
    if (waiting.length === 0) return finishPull(database, held);
    if (await failOutdated(database, held)) return;
    const isOfGroups = waiting.every(({ kind }) => kind === "membership" || kind.includes("group"));
    // Groups may hold each other, and are written one after another.
    const atOnce = isOfGroups ? 1 : pace.atOnceMax;
    for (let from = 0; from < waiting.length; from += atOnce) {
      signal.throwIfAborted();
      await holdPull(database, held);
      const some = waiting.slice(from, from + atOnce);
      const ended = await Promise.allSettled(some.map((one) => settle(parts, asker, held, one, signal)));
      const fault = ended.find((one) => one.status === "rejected");
      if (fault !== undefined) throw fault.reason;
      await holdPull(database, held, true);
    }
  }
}

async function settle(
  parts: AskingParts,
  asker: Asker,
  held: HeldPull,
  difference: WaitingDifference,
  signal: AbortSignal,
): Promise<void> {
  const { outcome, isHealed } = await apply(parts, asker, held, difference, signal).catch((error: unknown) => {
    if (error instanceof DirectoryError) return { outcome: `refused: ${error.code}`, isHealed: false };
    // An answer that says nothing is about this one alone: nobody else waits for it, and the next listing asks again.
    if (error instanceof ProviderFailure && error.reason === "malformed")
      return { outcome: "unanswered: malformed", isHealed: false };
    throw error;
  });
  await settleDifference(parts.database, held, difference.id, outcome, isHealed);
}

function apply(
  parts: AskingParts,
  asker: Asker,
  held: HeldPull,
  difference: WaitingDifference,
  signal: AbortSignal,
): Promise<Settled> {
  switch (difference.kind) {
    case "gone":
      return applyAbsence(parts, asker, difference, signal);
    case "new_group":
    case "membership":
      return applyGroup(parts, asker, held, difference);
    case "group_gone":
      return removeGroup(parts, held, difference);
    default:
      return applyState(parts, asker, held, difference);
  }
}

/** What was said when the listing began: whatever was said since goes before it. */
async function applyState(
  parts: AskingParts,
  { origin }: Asker,
  { askedAt }: HeldPull,
  { providerId, said, name }: WaitingDifference,
): Promise<Settled> {
  if (askedAt === null || providerId === null || said === null) return { outcome: "unlisted", isHealed: false };
  const names = { id: providerId, userName: name };
  const answer = { kind: "found", id: providerId, attributes: said } as const;
  const outcome = await converge(parts, origin, { askedAt, seen: undefined, names, readBack: undefined, answer });
  return { outcome, isHealed: healing.has(outcome) };
}

/**
 * Who was in neither of two complete listings is asked about by name before they are shut out: a list that lies alike
 * twice is cheaper to doubt than somebody's access, and whoever is found is not gone.
 */
async function applyAbsence(
  parts: AskingParts,
  { origin, provider, answered }: Asker,
  { providerId, name, absentSince }: WaitingDifference,
  signal: AbortSignal,
): Promise<Settled> {
  if (absentSince === null) return { outcome: "listed again", isHealed: false };
  const { id: connectionId } = origin.connection;
  // Where the directory keeps no ids of the provider's, what stands in their place may be somebody else's there.
  const id = origin.rules.idAttribute === "none" ? null : providerId;
  const names: SubjectNames = id === null ? { userName: name } : { id, userName: name };
  const question = await beginQuestion(parts.database, origin, names);
  const limited = AbortSignal.any([signal, AbortSignal.timeout(parts.pace.questionMsMax)]);
  const answer = await ask(provider, names, origin.rules, limited);
  await answered();
  const subjectKey = id === null ? `userName ${name}` : `id ${id}`;
  const askedAt = question.askedAt.toISOString();
  const readBack = { connectionId, subjectKey, names, askedAt, attempts: 1, absentSince };
  const outcome = await converge(parts, origin, { ...question, names, readBack, answer });
  // Whoever is found under the name may be somebody else who has it besides their own, and the one who had it is gone.
  const isFound = answer.kind === "found" && outcome !== "absent";
  if (isFound) return { outcome: `contradicted: ${outcome}`, isHealed: false };
  return { outcome, isHealed: healing.has(outcome) };
}

async function converge(
  { database, newId, wake }: AskingParts,
  origin: Asker["origin"],
  given: GivenAnswer,
): Promise<ReadBackOutcome> {
  // That there is nobody was said by two listings: how far apart they are is the schedule's to say.
  const { outcome, lanes, denying } = await convergeAnswer(database, origin, given, { newId, apartMs: 0 });
  if (lanes.length > 0) wake(lanes, denying);
  return outcome;
}

async function applyGroup(
  { database, newId, wake }: AskingParts,
  { origin }: Asker,
  held: HeldPull,
  { providerId }: WaitingDifference,
): Promise<Settled> {
  const { rules } = origin;
  const delta = providerId === null ? undefined : await readGroupDelta(database, held, rules, providerId);
  if (delta === undefined) return { outcome: "unlisted", isHealed: false };
  const { group, said, added, removed } = delta;
  const groups = createGroupDirectory(database, newId);
  const sender = senderOf(held, newId());
  const ownId = rules.idAttribute === "externalId" && providerId !== null ? { externalId: providerId } : {};
  if (group === undefined) {
    const { lanes } = await groups.create(held.tenantId, sender, { displayName: said.displayName, ...ownId }, added);
    wake(lanes, false);
    return { outcome: "created", isHealed: true };
  }
  if (group.isNewer) return { outcome: "stale", isHealed: false };
  const { lanes } = await groups.change(held.tenantId, sender, group.id, {
    expectedVersion: group.version,
    attributes: (before) => {
      const wanted = { ...before, ...ownId, displayName: said.displayName };
      const isSame = wanted.displayName === before.displayName && wanted.externalId === before.externalId;
      return isSame ? undefined : wanted;
    },
    members: [
      { kind: "remove", values: removed },
      { kind: "add", values: added },
    ],
  });
  if (lanes.length > 0) wake(lanes, removed.length > 0);
  return { outcome: "written", isHealed: true };
}

async function removeGroup(
  { database, newId, wake }: AskingParts,
  held: HeldPull,
  { subjectId }: WaitingDifference,
): Promise<Settled> {
  if (subjectId === null) return { outcome: "unlisted", isHealed: false };
  const groups = createGroupDirectory(database, newId);
  const found = await groups.find(held.tenantId, held.connectionId, subjectId);
  if (found === undefined) return { outcome: "unchanged", isHealed: true };
  if (held.askedAt === null || found.updatedAt >= held.askedAt) return { outcome: "stale", isHealed: false };
  const { lanes } = await groups.remove(held.tenantId, senderOf(held, newId()), subjectId, found.version);
  wake(lanes, true);
  return { outcome: "deleted", isHealed: true };
}

function senderOf({ connectionId }: HeldPull, requestId: string) {
  return { connectionId, requestId, source: "provider" } as const;
}
