import { type Connection, type SourceEvent, subjectKey, type SubjectNames, subjectOf } from "../domain/index.ts";
import type { Act } from "./admin-denials.ts";
import type { Transaction } from "./database.ts";
import { cutKeys, denyKeys, type RevocationKey } from "./key-revocations.ts";
import type { LockedUser } from "./named-users.ts";
import { sql } from "./sql.ts";

type Key = Pick<RevocationKey, "iss" | "sub">;

export type EndedSessions = {
  readonly event: SourceEvent;
  readonly user: LockedUser | undefined;
  /** What was issued until then is dead. */
  readonly at: Date;
  /** When we were told. */
  readonly receivedAt: Date;
};

/**
 * Ends what a source says has ended: one session where it names one, else every token of the subject
 * that was issued until then. Nobody is denied: who logs in again is let in, in another session. The
 * provider issues nothing more in a session that it has ended, so that gateways may forget it once none of
 * its tokens can be alive.
 */
export async function endSessions(
  transaction: Transaction,
  connection: Connection,
  { event, user, at, receivedAt }: EndedSessions,
): Promise<void> {
  const act: Act = { actor: "source", at, acceptedAt: receivedAt, reason: "session_ended", origin: "idp" };
  const { session, subject } = event;
  if (session !== undefined) {
    // A connection ends sessions of its own issuers alone, whatever its sender says.
    const named = connection.issuers.filter((iss) => iss === subject.token?.iss);
    const keys = (named.length > 0 ? named : connection.issuers).map(
      (iss) => ({ scope: "sid", iss, sub: session }) as const,
    );
    await denyKeys(transaction, connection.tenantId, keys, act);
    return;
  }
  await cutKeys(transaction, connection.tenantId, await keysOf(transaction, connection, event, user), act);
}

/** What tokens call the subject: by the identities that it has, and by what its names would make of it. */
async function keysOf(
  transaction: Transaction,
  connection: Connection,
  { subject }: SourceEvent,
  user: LockedUser | undefined,
): Promise<readonly RevocationKey[]> {
  const held =
    user === undefined
      ? []
      : await transaction.query<{ iss: string; sub: string }>(
          sql`SELECT iss, sub_key AS sub FROM identity WHERE directory_user_id = ${user.id}`,
        );
  const keys = [
    ...held,
    // Their identities may be still to come; and before anything is applied, somebody may have been let in just in time.
    ...(user === undefined ? keysOfNames(connection, subject) : keysOfUser(connection, user)),
    ...namedByToken(connection, subject),
  ];
  return [
    ...new Map(keys.map(({ iss, sub }) => [JSON.stringify([iss, sub]), { scope: "sub", iss, sub } as const])).values(),
  ];
}

function namedByToken({ issuers, subjectCompare }: Connection, { token }: SubjectNames): readonly Key[] {
  return token !== undefined && issuers.includes(token.iss)
    ? [{ iss: token.iss, sub: subjectKey(subjectCompare, token.sub) }]
    : [];
}

/** By what the directory says of them now. */
function keysOfUser(connection: Connection, { id, attributes }: LockedUser): readonly Key[] {
  return keysOfSubject(connection, subjectOf(connection, id, attributes));
}

/** Of somebody whom the directory does not know: the subject that the connection's rule would read from the names. */
function keysOfNames(connection: Connection, { id, userName, email }: SubjectNames): readonly Key[] {
  if (connection.subjectRule !== "attribute") return [];
  const attributes = {
    userName: userName ?? "",
    active: true,
    ...(id === undefined ? {} : { externalId: id }),
    ...(email === undefined ? {} : { emails: [{ value: email, primary: true }] }),
  };
  return keysOfSubject(connection, subjectOf(connection, "", attributes));
}

function keysOfSubject({ issuers, subjectCompare }: Connection, sub: string | undefined): readonly Key[] {
  return sub === undefined ? [] : issuers.map((iss) => ({ iss, sub: subjectKey(subjectCompare, sub) }));
}
