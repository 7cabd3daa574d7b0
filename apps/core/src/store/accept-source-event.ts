import { isDeepStrictEqual } from "node:util";
import {
  type Connection,
  decideSourceEvent,
  type IdAttribute,
  isLifting,
  type SourceDecision,
  type SourceEvent,
  type SubjectNames,
  type UserAttributes,
  withheld,
} from "../domain/index.ts";
import { openAlert } from "./alerts.ts";
import type { Database, Transaction } from "./database.ts";
import { unlessDeadlocked } from "./deadlock.ts";
import type { Sender } from "./directory-store.ts";
import { endSessions } from "./end-sessions.ts";
import { type LockedUser, lockNamedUser } from "./named-users.ts";
import { lockNames, namesIn, type ParkedEvent, parkEvent, takeParked } from "./parked-events.ts";
import { askReadBack } from "./read-backs.ts";
import { unlessRefused } from "./refusal.ts";
import { withinSavepoint } from "./savepoint.ts";
import { shutOutBy } from "./shut-out.ts";
import { type NotedEvent, noteSourceEvent, settleSourceEvent } from "./source-events.ts";
import { confirmStated, createStated, type StatedWrite, statedWrite } from "./stated-writes.ts";
import { removeStatement, replaceStatement, type WrittenRow } from "./user-statements.ts";

/** Whose event it is. */
export type EventOrigin = {
  readonly sourceId: string;
  readonly connection: Connection;
  readonly idAttribute: IdAttribute;
  /** Whether it lets in whom SCIM has shut out. */
  readonly lifts: "own" | "all";
};

export type Acceptance = {
  readonly receivedAt: Date;
  /** SHA-256 of what the sender said of this one event. */
  readonly payloadHash: Buffer;
  readonly newId: () => string;
  /** Holds what was merged to what the directory may hold. Throws `DirectoryError`. */
  readonly checked: (attributes: UserAttributes) => UserAttributes;
};

export type Accepted = {
  readonly outcome: NotedEvent["outcome"] | "again";
  readonly lanes: readonly number[];
  readonly denying: boolean;
};

const untouched = { lanes: [], denying: false };

/**
 * Takes in one event of a source, once: what it says of the directory, its lifecycle event and the
 * note of it are one transaction. An event that cannot be as it says is noted as refused, and the
 * provider is asked; whoever it shuts out is shut out all the same.
 */
export async function acceptSourceEvent(
  database: Database,
  tenantId: string,
  origin: EventOrigin,
  event: SourceEvent,
  acceptance: Acceptance,
): Promise<Accepted> {
  const accepting = (attempted: SourceEvent, refused: boolean): Promise<Accepted> =>
    unlessDeadlocked(() =>
      database.inTenant(tenantId, (transaction) =>
        accept(transaction, tenantId, origin, attempted, acceptance, refused),
      ),
    );
  // Refused once more, it is not for somebody who was created at the same moment.
  return (
    (await unlessRefused(() => accepting(event, false))) ??
    (await unlessRefused(() => accepting(event, false))) ??
    accepting(withoutRefused(event), true)
  );
}

/** What is left of an event whose attributes are refused: the denial, where it is one. */
function withoutRefused(event: SourceEvent): SourceEvent {
  const { kind } = event;
  const denial = kind === "deleted" ? kind : "disabled";
  return { ...event, kind: isDenial(event) ? denial : "changed", attributes: undefined };
}

function outcomeOf({ write, outcome }: SourceDecision, refused: boolean): SourceDecision["outcome"] {
  return refused && write === undefined ? "refused" : outcome;
}

async function accept(
  transaction: Transaction,
  tenantId: string,
  origin: EventOrigin,
  event: SourceEvent,
  acceptance: Acceptance,
  refused: boolean,
): Promise<Accepted> {
  const { connection, idAttribute, sourceId } = origin;
  const [noted, found] = await Promise.all([
    noteSourceEvent(transaction, tenantId, sourceId, event, acceptance.payloadHash),
    lockNamedUser(transaction, connection, event.subject, idAttribute),
  ]);
  if (noted === "again") return { outcome: "again", ...untouched };
  if (noted === "other") return acceptOther(transaction, tenantId, origin, event, acceptance);
  const isParked = found === undefined && isUnmatched(event, acceptance.receivedAt);
  const user = isParked ? await parkUnlessArrived(transaction, tenantId, origin, event, acceptance) : found;
  const decision = await decide(transaction, origin, event, user, acceptance);
  const outcome = outcomeOf(decision, refused);
  const settle = (subjectId: string | undefined): Promise<void> =>
    settleSourceEvent(transaction, sourceId, event.id, outcome, subjectId);
  const [written] = await Promise.all([
    perform(transaction, tenantId, origin, event, user, decision, acceptance),
    decision.readBack && askReadBack(transaction, tenantId, connection.id, namesOf(origin, event.subject, user)),
    user !== undefined && settle(user.id),
  ]);
  if (user === undefined) await settle(written.subjectId);
  const { write } = decision;
  const parked =
    write?.kind === "create" && (await applyParked(transaction, tenantId, origin, write.attributes, acceptance));
  return { outcome, lanes: written.lanes, denying: written.denying || parked === true };
}

/** Whether it would come to nothing for want of somebody whom it is about. */
function isUnmatched(event: SourceEvent, receivedAt: Date): boolean {
  return event.kind !== "sessions_ended" && decideSourceEvent(event, undefined, receivedAt).outcome === "unmatched";
}

async function decide(
  transaction: Transaction,
  { lifts }: EventOrigin,
  event: SourceEvent,
  user: LockedUser | undefined,
  acceptance: Acceptance,
): Promise<SourceDecision> {
  const decision = decideSourceEvent(event, user, acceptance.receivedAt);
  const isWithheld =
    user !== undefined &&
    lifts === "own" &&
    isLifting(decision, user) &&
    (await shutOutBy(transaction, user)) === "scim";
  return checkedDecision(isWithheld ? withheld(event, user, acceptance.receivedAt) : decision, user, acceptance);
}

/** Keeps what is said of somebody whom nobody knows yet; or finds them, where they have come at this moment. */
async function parkUnlessArrived(
  transaction: Transaction,
  tenantId: string,
  { connection, idAttribute, sourceId }: EventOrigin,
  event: SourceEvent,
  { receivedAt }: Acceptance,
): Promise<LockedUser | undefined> {
  await lockNames(transaction, connection.id, event.subject);
  // Only behind the lock: whoever was created meanwhile has looked for what is parked before this comes.
  const arrived = await lockNamedUser(transaction, connection, event.subject, idAttribute);
  if (arrived === undefined) await parkEvent(transaction, tenantId, connection.id, { sourceId, event, receivedAt });
  return arrived;
}

/** Applies what was said of somebody before they came. Answers whether any of it takes something away. */
async function applyParked(
  transaction: Transaction,
  tenantId: string,
  origin: EventOrigin,
  attributes: UserAttributes,
  acceptance: Acceptance,
): Promise<boolean> {
  const names = namesIn(attributes);
  await lockNames(transaction, origin.connection.id, names);
  let denying = false;
  const { externalId } = attributes;
  for (const parked of await takeParked(transaction, origin.connection.id, { ...names, externalId })) {
    const parkedBy = { ...origin, sourceId: parked.sourceId };
    if (await applyOne(transaction, tenantId, parkedBy, names, parked, acceptance)) denying = true;
  }
  return denying;
}

/** One of them for itself: what cannot be as it says is refused alone, and takes nobody's creation with it. */
async function applyOne(
  transaction: Transaction,
  tenantId: string,
  origin: EventOrigin,
  names: SubjectNames,
  { event, receivedAt }: ParkedEvent,
  acceptance: Acceptance,
): Promise<boolean> {
  const { connection, idAttribute, sourceId } = origin;
  const applying = (attempted: SourceEvent, refused: boolean): Promise<boolean> =>
    withinSavepoint(transaction, async () => {
      const user = await lockNamedUser(transaction, connection, names, idAttribute);
      const decision = await decide(transaction, origin, attempted, user, { ...acceptance, receivedAt });
      const { denying } = await perform(transaction, tenantId, origin, attempted, user, decision, acceptance);
      const asked = namesOf(origin, event.subject, user);
      if (decision.readBack) await askReadBack(transaction, tenantId, connection.id, asked);
      await settleSourceEvent(transaction, sourceId, event.id, outcomeOf(decision, refused), user?.id);
      return denying;
    });
  return (await unlessRefused(() => applying(event, false))) ?? applying(withoutRefused(event), true);
}

/** What is to be written, as the directory may hold it; what it holds already is only confirmed. */
function checkedDecision(
  decision: SourceDecision,
  user: LockedUser | undefined,
  { checked }: Acceptance,
): SourceDecision {
  const { write } = decision;
  if (write?.kind !== "attributes" && write?.kind !== "create") return decision;
  const attributes = checked(write.attributes);
  return write.kind === "attributes" && isDeepStrictEqual(attributes, user?.attributes)
    ? {
        ...decision,
        write: { kind: "confirm", times: write.times },
        outcome: decision.outcome === "written" ? "unchanged" : decision.outcome,
      }
    : { ...decision, write: { ...write, attributes } };
}

/** The same id with another content: a person is told, and what it denies is denied all the same. */
async function acceptOther(
  transaction: Transaction,
  tenantId: string,
  origin: EventOrigin,
  event: SourceEvent,
  acceptance: Acceptance,
): Promise<Accepted> {
  const detail = { source: origin.sourceId, event: event.id };
  await openAlert(transaction, tenantId, {
    id: acceptance.newId(),
    kind: "source_conflict",
    key: `${origin.sourceId} ${event.id}`.slice(0, 500),
    detail,
  });
  const own = { ...event, id: `${event.id}#${acceptance.payloadHash.toString("base64url")}` };
  if (isDenial(event)) return accept(transaction, tenantId, origin, own, acceptance, false);
  if ((await noteSourceEvent(transaction, tenantId, origin.sourceId, own, acceptance.payloadHash)) === "new")
    await settleSourceEvent(transaction, origin.sourceId, own.id, "conflict", undefined);
  return { outcome: "conflict", ...untouched };
}

function isDenial({ kind, attributes }: SourceEvent): boolean {
  return kind === "disabled" || kind === "deleted" || attributes?.["active"] === false;
}

async function perform(
  transaction: Transaction,
  tenantId: string,
  { sourceId, connection }: EventOrigin,
  event: SourceEvent,
  user: LockedUser | undefined,
  { write, statedAt }: SourceDecision,
  acceptance: Acceptance,
): Promise<StatedWrite> {
  const sender: Sender = {
    connectionId: connection.id,
    requestId: `${sourceId}:${event.id}`,
    source: "hook",
    occurredAt: event.occurredAt,
    statedAt,
    attributeTimes: write?.kind === "attributes" || write?.kind === "create" ? write.times : undefined,
  };
  if (write === undefined) return untouched;
  if (write.kind === "create") return createStated(transaction, tenantId, sender, acceptance.newId(), write.attributes);
  if (write.kind === "end_sessions") {
    await endSessions(transaction, connection, { event, user, at: write.at, receivedAt: acceptance.receivedAt });
    return untouched;
  }
  if (user === undefined) throw new Error("a change of nobody");
  switch (write.kind) {
    case "attributes": {
      const statement = replaceStatement(tenantId, sender, user.id, user.version, write.attributes);
      return statedWrite(await transaction.query<WrittenRow>(statement));
    }
    case "delete": {
      const [row] = await transaction.query<{ lane: number }>(removeStatement(tenantId, sender, user.id, undefined));
      return statedWrite(row === undefined ? [] : [{ ...row, denying: true }]);
    }
    case "confirm":
      return confirmStated(transaction, user.id, statedAt, write.times);
  }
}

/** The provider is asked under its own id where the directory has it. */
function namesOf({ idAttribute }: EventOrigin, names: SubjectNames, user: LockedUser | undefined): SubjectNames {
  const id = names.id ?? (idAttribute === "externalId" ? user?.attributes.externalId : undefined);
  return { ...names, userName: names.userName ?? user?.attributes.userName, ...(id === undefined ? {} : { id }) };
}
