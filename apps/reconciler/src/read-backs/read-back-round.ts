import { DirectoryError, type ProviderAnswer, type ReadBackRules, type SubjectNames } from "@rollcall/core/domain";
import {
  beginQuestion,
  convergeAnswer,
  noteRefusedAnswer,
  postponeReadBack,
  type ReadBack,
  releaseReadBack,
  strikeReadBack,
  takeReadBacks,
} from "@rollcall/core/store";
import { type Provider, ProviderFailure } from "../providers/provider.ts";
import type { Asker, Askers, AskingParts } from "./askers.ts";

const postponeMsMin = 5_000;

/** Asks a connection's provider about everybody who is due, and answers how many it was asked about. */
export async function readAllDue(
  parts: AskingParts,
  askers: Askers,
  tenantId: string,
  connectionId: string,
): Promise<number> {
  const { database, pace, closing } = parts;
  const asker = await askers.open(tenantId, connectionId);
  let asked = 0;
  while (asker !== undefined && !asker.isPaused() && !closing.aborted) {
    const taken = await takeReadBacks(database, tenantId, connectionId, pace.atOnceMax);
    if (taken.length === 0) break;
    asked += taken.length;
    const ended = await Promise.allSettled(taken.map((readBack) => readOne(parts, asker, tenantId, readBack)));
    // What a fault of ours has kept from being settled comes back when nobody holds it any more.
    const fault = ended.find((one) => one.status === "rejected");
    if (fault !== undefined) throw fault.reason;
  }
  return asked;
}

async function readOne(parts: AskingParts, asker: Asker, tenantId: string, readBack: ReadBack): Promise<void> {
  const { database, closing } = parts;
  if (asker.isPaused() || closing.aborted) return releaseReadBack(database, tenantId, readBack);
  try {
    await askAndConverge(parts, asker, readBack);
  } catch (error) {
    if (closing.aborted) return releaseReadBack(database, tenantId, readBack);
    await putBack(parts, asker, tenantId, readBack, error);
  }
}

async function askAndConverge(
  { database, newId, pace, closing, wake }: AskingParts,
  asker: Asker,
  readBack: ReadBack,
): Promise<void> {
  const { names } = readBack;
  const { origin, provider } = asker;
  const question = await beginQuestion(database, origin, names);
  const signal = AbortSignal.any([closing, AbortSignal.timeout(pace.questionMsMax)]);
  const answer = await ask(provider, names, origin.rules, signal);
  await asker.answered();
  const given = { ...question, names, readBack, answer };
  const { lanes, denying } = await convergeAnswer(database, origin, given, { newId, apartMs: pace.apartMs });
  if (lanes.length > 0) wake(lanes, denying);
}

/** Where the directory knows no ids, only somebody who is gone by both id and name is gone: the name may be another's by now. */
export async function ask(
  provider: Provider,
  names: SubjectNames,
  { idAttribute }: ReadBackRules,
  signal: AbortSignal,
): Promise<ProviderAnswer> {
  const { userName } = names;
  const found = await provider.readUser(names, signal);
  if (found !== undefined) return { kind: "found", ...found };
  if (names.id === undefined) return { kind: "absent", by: "name" };
  const named =
    idAttribute === "none" && userName !== undefined ? await provider.readUser({ userName }, signal) : undefined;
  return named === undefined ? { kind: "absent", by: "id" } : { kind: "found", ...named };
}

async function putBack(
  { database, newId, pace, log }: AskingParts,
  asker: Asker,
  tenantId: string,
  readBack: ReadBack,
  error: unknown,
): Promise<void> {
  const backOffMs = postponeMsMin * 2 ** Math.min(readBack.attempts - 1, 20);
  const delayMs = Math.min(backOffMs, pace.postponeMsMax) * (0.5 + Math.random() / 2);
  if (error instanceof DirectoryError) {
    log.warn({ connection: readBack.connectionId, code: error.code }, "an answer could not be taken over");
    // Two names that change hands are sorted out by the next questions; what is refused for so long is not.
    const alertId = backOffMs >= pace.postponeMsMax ? newId() : undefined;
    return noteRefusedAnswer(database, tenantId, readBack, { code: error.code, delayMs, alertId });
  }
  if (!(error instanceof ProviderFailure)) throw error;
  const { id, userName, email } = readBack.names;
  const isNameless = [id, userName, email].every((name) => name === undefined);
  // Known by a token alone to nobody: no provider could be asked about them.
  if (isNameless && error.reason === "malformed") return strikeReadBack(database, tenantId, readBack);
  const pausedMs = await asker.failed(error);
  await postponeReadBack(
    database,
    tenantId,
    readBack,
    `${error.reason}: ${error.message}`.slice(0, 500),
    pausedMs ?? delayMs,
  );
}
