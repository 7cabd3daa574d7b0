import { DirectoryError, type ProviderAnswer, type SubjectNames } from "@rollcall/core/domain";
import {
  askAgain,
  askMissing,
  beginQuestion,
  convergeAnswer,
  type GivenAnswer,
  keepMark,
  takeChanges,
} from "@rollcall/core/store";
import { ProviderFailure, type ProviderUser } from "../providers/provider.ts";
import type { Asker, Askers, AskingParts } from "./askers.ts";

/** Long enough for one question about changes, with each of the changed read whole. */
const heldMs = 300_000;

/**
 * Asks a provider what has changed since it was last asked, and takes all of it in before the mark is
 * kept: what is lost on the way is asked for again. Answers how many changes there were.
 */
export async function takeInChanges(
  parts: AskingParts,
  askers: Askers,
  tenantId: string,
  connectionId: string,
): Promise<number> {
  const { database, pace, closing } = parts;
  const asker = await askers.open(tenantId, connectionId);
  if (asker === undefined || asker.isPaused()) return 0;
  if (!(await takeChanges(database, tenantId, connectionId, heldMs))) return 0;
  const { version } = asker;
  const keep = (mark: string | undefined, nextMs: number): Promise<void> =>
    keepMark(database, tenantId, connectionId, { mark, version, nextMs });
  try {
    const { count, mark } = await readChanges(parts, asker);
    await asker.answered();
    // A list may end before it has said everything.
    await keep(mark, count > 0 ? 0 : pace.changesEveryMs);
    return count;
  } catch (error) {
    if (closing.aborted || !(error instanceof ProviderFailure)) {
      await keep(undefined, pace.pauseMsMin);
      if (closing.aborted) return 0;
      throw error;
    }
    if (error.reason === "expired") return startAnew(parts, asker, keep);
    const pausedMs = await asker.failed(error);
    await keep(undefined, pausedMs ?? pace.changesEveryMs);
    return 0;
  }
}

async function readChanges(
  parts: AskingParts,
  asker: Asker,
): Promise<{ readonly count: number; readonly mark: string | undefined }> {
  const { provider, origin, mark: from } = asker;
  if (provider.changesSince === undefined) return { count: 0, mark: undefined };
  const { askedAt } = await beginQuestion(parts.database, origin, undefined);
  const { users, deleted, unread, mark } = await provider.changesSince(from, parts.closing);
  await takeInUsers(parts, asker, askedAt, users);
  for (const id of deleted) await takeIn(parts, asker, askedAt, { id }, { kind: "absent", by: "id" });
  const { id: connectionId, tenantId } = origin.connection;
  for (const id of unread) await askAgain(parts.database, tenantId, connectionId, { id });
  return { count: users.length + deleted.length + unread.length, mark };
}

/**
 * Where the provider no longer knows the mark, what has changed meanwhile is found by a new mark first
 * and a complete list then; the old mark stands until both are done. Whom the list leaves out is asked about one by one.
 */
async function startAnew(
  parts: AskingParts,
  asker: Asker,
  keep: (mark: string | undefined, nextMs: number) => Promise<void>,
): Promise<number> {
  const { database, pace, closing, log } = parts;
  const { origin, provider } = asker;
  const { connection, rules } = origin;
  log.warn({ connection: connection.id }, "a provider no longer knows what it was asked last: everybody is read");
  try {
    const begun = await provider.changesSince?.(undefined, closing);
    const listed: { readonly id: string; readonly userName: string }[] = [];
    const pages = provider.listUsers(closing)[Symbol.asyncIterator]();
    for (;;) {
      const { askedAt } = await beginQuestion(database, origin, undefined);
      const page = await pages.next();
      if (page.done === true) break;
      listed.push(...page.value.map(({ id, attributes: { userName } }) => ({ id, userName })));
      await takeInUsers(parts, asker, askedAt, page.value);
    }
    await askMissing(database, connection, rules.idAttribute, listed);
    await asker.answered();
    await keep(begun?.mark, pace.changesEveryMs);
    return listed.length;
  } catch (error) {
    if (!(error instanceof ProviderFailure)) throw error;
    await keep(undefined, (await asker.failed(error)) ?? pace.changesEveryMs);
    return 0;
  }
}

async function takeInUsers(
  parts: AskingParts,
  asker: Asker,
  askedAt: Date,
  users: readonly ProviderUser[],
): Promise<void> {
  for (const { id, attributes } of users)
    await takeIn(parts, asker, askedAt, { id, userName: attributes.userName }, { kind: "found", id, attributes });
}

/** One change. One that cannot be taken over keeps nobody else's waiting, and is asked about until it can be: the mark moves on, and nobody tells of it again. */
async function takeIn(
  { database, newId, pace, wake, log }: AskingParts,
  { origin }: Asker,
  askedAt: Date,
  names: SubjectNames,
  answer: ProviderAnswer,
): Promise<void> {
  const { connection } = origin;
  const given: GivenAnswer = { askedAt, seen: undefined, names, readBack: undefined, answer };
  try {
    const { lanes, denying } = await convergeAnswer(database, origin, given, { newId, apartMs: pace.apartMs });
    if (lanes.length > 0) wake(lanes, denying);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    log.warn({ connection: connection.id, code: error.code }, "a change could not be taken over, and is asked about");
    await askAgain(database, connection.tenantId, connection.id, names);
  }
}
