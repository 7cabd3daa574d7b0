import { isDeepStrictEqual } from "node:util";
import {
  canonicalName,
  type Connection,
  decideReadBack,
  DirectoryError,
  foldCase,
  type ProviderAnswer,
  type ReadBackDecision,
  type ReadBackOutcome,
  type ReadBackRules,
  type ReadUser,
  type SubjectNames,
  type UserAttributes,
} from "../domain/index.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import type { Sender } from "./directory-store.ts";
import { type LockedUser, lockNamedUser, seeNamedUser } from "./named-users.ts";
import { lockNames, takeParked, wasParkedSince } from "./parked-events.ts";
import { noteAbsence, type ReadBack, repeatReadBack, settleReadBack } from "./read-backs.ts";
import { refusalOf } from "./refusal.ts";
import { shutOutBy } from "./shut-out.ts";
import { sql } from "./sql.ts";
import { confirmStated, createStated, type StatedWrite, statedWrite } from "./stated-writes.ts";
import { removeStatement, replaceStatement, type WrittenRow } from "./user-statements.ts";

/** Whose provider has answered, and what may follow from it. */
export type AnswerOrigin = { readonly connection: Connection; readonly rules: ReadBackRules };

/** The moment before a question, and whom it was about then. */
export type Question = {
  readonly askedAt: Date;
  readonly seen: Pick<LockedUser, "id" | "version"> | undefined;
};

/** What an answer is converged with. */
export type AnswerPace = {
  readonly newId: () => string;
  /** How far apart two answers that there is no such user must lie. */
  readonly apartMs: number;
};

/** An answer, and what was asked: without a read-back it is one of a list of changes. */
export type GivenAnswer = Question & {
  readonly names: SubjectNames;
  readonly readBack: ReadBack | undefined;
  readonly answer: ProviderAnswer;
};

export type ConvergedAnswer = StatedWrite & { readonly outcome: ReadBackOutcome };

const soonMsMin = 250;
const soonMsMax = 30_000;
const keyBytesMax = 2_048;

/** Notes when a question is asked, and which version of whom it is about. To be called before it is. */
export async function beginQuestion(
  database: Database,
  { connection, rules }: AnswerOrigin,
  names: SubjectNames | undefined,
): Promise<Question> {
  return database.inTenant(connection.tenantId, async (transaction) => {
    const seen =
      names === undefined ? undefined : await seeNamedUser(transaction, connection, names, rules.idAttribute);
    const [now] = await transaction.query<{ at: Date }>(sql`SELECT clock_timestamp() AS at`);
    if (now === undefined) throw new Error("the database has no time");
    return { askedAt: now.at, seen };
  });
}

/**
 * Brings the directory to what the provider has answered, unless something newer was said while it was
 * asked: the user, the lifecycle event and the read-back's end are one transaction. Throws
 * `DirectoryError` where the answer cannot be as it says.
 */
export async function convergeAnswer(
  database: Database,
  origin: AnswerOrigin,
  given: GivenAnswer,
  pace: AnswerPace,
): Promise<ConvergedAnswer> {
  const converging = (attempted: AnswerOrigin): Promise<ConvergedAnswer> =>
    unlessDeadlocked(() =>
      database.inTenant(origin.connection.tenantId, (transaction) => converge(transaction, attempted, given, pace)),
    );
  try {
    return await converging(origin);
  } catch (error) {
    const refusal = refusalOf(error);
    if (!(refusal instanceof DirectoryError)) throw error;
    if (origin.rules.takes === "active" || isEnabling(given.answer)) throw refusal;
    // Whatever else it says, whoever it shuts out is shut out.
    return converging({ ...origin, rules: { ...origin.rules, takes: "active" } });
  }
}

function isEnabling(answer: ProviderAnswer): boolean {
  return answer.kind === "found" && answer.attributes.active;
}

async function converge(
  transaction: Transaction,
  origin: AnswerOrigin,
  said: GivenAnswer,
  pace: AnswerPace,
): Promise<ConvergedAnswer> {
  const { connection, rules } = origin;
  const { given, locked } = await lockAnswered(transaction, origin, said);
  const user = locked && (await readUser(transaction, locked, given));
  const absentSince = given.readBack?.absentSince ?? undefined;
  const question = { askedAt: given.askedAt, absentSince, apartMs: pace.apartMs };
  const decided = decideReadBack(answerAbout(given, locked, rules), user, question, rules);
  const decision = locked === undefined ? await unlessSaidSince(transaction, connection, given, decided) : decided;
  const written = await write(transaction, connection, given, locked, decision, pace);
  await settle(transaction, connection, given, decision, absentSince, pace);
  return { outcome: decision.outcome, ...written };
}

/** What was said of somebody before they came is as old as its arrival: the answer stands against what is older, and for nothing that is newer. */
async function unlessSaidSince(
  transaction: Transaction,
  { id }: Connection,
  { names, answer, askedAt }: GivenAnswer,
  decided: ReadBackDecision,
): Promise<ReadBackDecision> {
  if (decided.write?.kind !== "create" || answer.kind === "absent") return decided;
  const { userName } = answer.attributes;
  const all = { ...names, id: answer.id, userName, externalId: decided.write.attributes.externalId };
  await lockNames(transaction, id, all);
  if (await wasParkedSince(transaction, id, all, askedAt)) return { write: undefined, outcome: "stale", again: "soon" };
  await takeParked(transaction, id, all);
  return decided;
}

type Answered = { readonly given: GivenAnswer; readonly locked: LockedUser | undefined };

/** Who is found is told by what the provider calls them; of who is gone only the name that was asked for is left. */
async function lockAnswered(
  transaction: Transaction,
  { connection, rules: { idAttribute } }: AnswerOrigin,
  given: GivenAnswer,
): Promise<Answered> {
  const { answer, names } = given;
  const byName = (): Promise<LockedUser | undefined> => lockNamedUser(transaction, connection, names, idAttribute);
  if (answer.kind === "absent") return { given, locked: await byName() };
  const { userName } = answer.attributes;
  const found = await lockNamedUser(transaction, connection, { id: answer.id, userName }, idAttribute);
  if (found !== undefined && !found.deleted && isByOtherName(names, userName)) {
    const asked = await byName();
    // Who had the name is somebody else here: it was given on, as a leaver's address is to who reads their mail.
    if (asked !== undefined && asked.id !== found.id)
      return { given: { ...given, answer: { kind: "absent", by: "name" } }, locked: asked };
  }
  // Who was renamed since is here under the name that was asked for; where ids are known they decide alone.
  if (found !== undefined || idAttribute === "externalId") return { given, locked: found };
  return { given, locked: await byName() };
}

/** Whether a search by name has found somebody whose name is another: under an address that they have besides. */
function isByOtherName({ id, userName }: SubjectNames, found: string): boolean {
  return id === undefined && userName !== undefined && foldCase(userName) !== foldCase(found);
}

async function readUser(transaction: Transaction, user: LockedUser, { askedAt, seen }: Question): Promise<ReadUser> {
  const [[row], outBy] = await Promise.all([
    transaction.query<{ created_at: Date }>(sql`SELECT created_at FROM directory_user WHERE id = ${user.id}`),
    shutOutBy(transaction, user),
  ]);
  if (row === undefined) throw new Error("a locked user was not found again");
  const isOther = seen?.id === user.id ? seen.version !== user.version : user.updatedAt >= askedAt;
  return {
    ...user,
    createdAt: row.created_at,
    isNewer: isOther || (user.statedAt !== undefined && user.statedAt > askedAt),
    shutOutBy: outBy,
  };
}

/** That there is nobody of an id tells of a user only where it is their id. */
function answerAbout(
  { answer, names }: GivenAnswer,
  user: LockedUser | undefined,
  rules: ReadBackRules,
): ProviderAnswer {
  if (answer.kind === "found" || names.id === undefined) return answer;
  const isTheirs = rules.idAttribute === "externalId" && user?.attributes.externalId === names.id;
  return isTheirs ? answer : { kind: "absent", by: "name" };
}

async function write(
  transaction: Transaction,
  connection: Connection,
  { askedAt }: Question,
  user: LockedUser | undefined,
  { write: wanted }: ReadBackDecision,
  { newId }: AnswerPace,
): Promise<StatedWrite> {
  const times = wanted !== undefined && "times" in wanted ? wanted.times : undefined;
  const sender: Sender = {
    connectionId: connection.id,
    requestId: newId(),
    source: "provider",
    statedAt: askedAt,
    attributeTimes: times,
  };
  if (wanted === undefined) return { lanes: [], denying: false };
  if (wanted.kind === "create")
    return createStated(transaction, connection.tenantId, sender, newId(), checked(wanted.attributes));
  if (user === undefined) throw new Error("an answer about nobody was to be written");
  if (wanted.kind === "confirm") return confirmStated(transaction, user.id, askedAt);
  if (wanted.kind === "delete") {
    const [row] = await transaction.query<{ lane: number }>(
      removeStatement(connection.tenantId, sender, user.id, undefined),
    );
    return statedWrite(row === undefined ? [] : [{ ...row, denying: true }]);
  }
  const attributes = checked(wanted.attributes);
  if (isDeepStrictEqual(attributes, user.attributes)) return confirmStated(transaction, user.id, askedAt, times);
  const statement = replaceStatement(connection.tenantId, sender, user.id, user.version, attributes);
  return statedWrite(await transaction.query<WrittenRow>(statement));
}

async function settle(
  transaction: Transaction,
  connection: Connection,
  { readBack, names, askedAt }: GivenAnswer,
  { outcome, again }: ReadBackDecision,
  absentSince: Date | undefined,
  { apartMs }: AnswerPace,
): Promise<void> {
  const firstAbsent = outcome === "absent" ? (absentSince ?? askedAt) : undefined;
  const untilSure = firstAbsent === undefined ? 0 : firstAbsent.getTime() + apartMs - askedAt.getTime();
  if (readBack === undefined) {
    if (again !== undefined) await noteAbsence(transaction, connection, names, firstAbsent, Math.max(untilSure, 0));
    return;
  }
  if (again === undefined) return settleReadBack(transaction, readBack);
  const soonMs = Math.min(soonMsMin * 2 ** Math.min(readBack.attempts - 1, 10), soonMsMax);
  const delayMs = again === "later" ? Math.max(untilSure, 0) : soonMs;
  return repeatReadBack(transaction, readBack, { delayMs, absentSince: firstAbsent });
}

/** Holds what a stranger's server has said to what the directory may hold. Throws `value_invalid`. */
function checked(attributes: UserAttributes): UserAttributes {
  const { userName, externalId = "" } = attributes;
  if (
    Buffer.byteLength(canonicalName("userName", userName)) > keyBytesMax ||
    Buffer.byteLength(externalId) > keyBytesMax
  )
    throw new DirectoryError("value_invalid", "userName or externalId is too long");
  const text = JSON.stringify(attributes);
  // PostgreSQL can hold neither, and JSON writes both as escapes.
  if (/\\u(?:0000|d[89a-f])/i.test(text))
    throw new DirectoryError("value_invalid", "an attribute is not well-formed text");
  return attributes;
}
