import { foldCase, primaryOf, type SourceEvent, type SubjectNames, type UserAttributes } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { type Sql, sql } from "./sql.ts";

/** What a source said of somebody whom the directory did not know. */
export type ParkedEvent = { readonly sourceId: string; readonly event: SourceEvent; readonly receivedAt: Date };

type ParkedRow = {
  source_id: string;
  event: Omit<SourceEvent, "occurredAt"> & { readonly occurredAt?: string };
  received_at: Date;
};

/** Whoever comes, with the provider's id as the directory keeps it; left out where it keeps none. */
export type ArrivedNames = SubjectNames & { readonly externalId?: string | undefined };

const takenMax = 1_000;

/** What whoever comes is called, by what is said of them. */
export function namesIn(attributes: UserAttributes): Pick<SubjectNames, "id" | "userName" | "email"> {
  const email = primaryOf(attributes["emails"])?.["value"];
  return {
    id: attributes.externalId,
    userName: attributes.userName,
    email: typeof email === "string" ? email : undefined,
  };
}

/** Whoever comes under a name and whoever is told of under it do so one after the other, until the transaction ends. */
export async function lockNames(transaction: Transaction, connectionId: string, names: SubjectNames): Promise<void> {
  await transaction.query(sql`
    SELECT pg_advisory_xact_lock(7305612, hash) FROM (
      SELECT DISTINCT hashtext(${connectionId}::text || ' ' || key) AS hash FROM unnest(${keysOf(names)}::text[]) AS key ORDER BY 1
    ) AS hashes`);
}

/** Keeps an event under every name that it gives, until somebody of one of them comes. */
export async function parkEvent(
  transaction: Transaction,
  tenantId: string,
  connectionId: string,
  { sourceId, event, receivedAt }: ParkedEvent,
): Promise<void> {
  await transaction.query(sql`
    INSERT INTO parked_event (connection_id, subject_key, source_id, event_id, tenant_id, event, received_at)
    SELECT ${connectionId}, key, ${sourceId}, ${event.id}, ${tenantId}, ${JSON.stringify(event)}::jsonb, ${receivedAt}
    FROM unnest(${keysOf(event.subject)}::text[]) AS key
    ON CONFLICT DO NOTHING`);
}

/** Whether something was said of somebody of these names since a moment. */
export async function wasParkedSince(
  transaction: Transaction,
  connectionId: string,
  names: ArrivedNames,
  since: Date,
): Promise<boolean> {
  const rows = await transaction.query(sql`
    SELECT FROM parked_event WHERE ${isSaidOf(connectionId, names)} AND received_at >= ${since} LIMIT 1`);
  return rows.length > 0;
}

/** What was said of somebody of these names, in the order in which it came; it goes on waiting. */
export async function readParked(
  transaction: Transaction,
  connectionId: string,
  names: ArrivedNames,
): Promise<readonly ParkedEvent[]> {
  const rows = await transaction.query<ParkedRow>(sql`
    SELECT DISTINCT ON (received_at, source_id, event_id) source_id, event, received_at FROM parked_event
    WHERE ${isSaidOf(connectionId, names)} ORDER BY received_at, source_id, event_id LIMIT ${takenMax}`);
  return rows.map(toParked);
}

/** Takes what was said of somebody of these names, in the order in which it came. */
export async function takeParked(
  transaction: Transaction,
  connectionId: string,
  names: ArrivedNames,
): Promise<readonly ParkedEvent[]> {
  const rows = await transaction.query<ParkedRow>(sql`
    WITH named AS (
      SELECT DISTINCT source_id, event_id FROM parked_event WHERE ${isSaidOf(connectionId, names)} LIMIT ${takenMax}
    ), taken AS (
      -- Under its other names too.
      DELETE FROM parked_event USING named
      WHERE parked_event.source_id = named.source_id AND parked_event.event_id = named.event_id AND connection_id = ${connectionId}
      RETURNING parked_event.source_id, parked_event.event_id, event, received_at
    )
    SELECT DISTINCT ON (received_at, source_id, event_id) source_id, event, received_at FROM taken ORDER BY received_at, source_id, event_id`);
  return rows.map(toParked);
}

/**
 * By one of the names, unless it also gives an id, and the directory knows them by another: a name goes from person
 * to person, and what is said of its old owner must not strike the new one.
 */
function isSaidOf(connectionId: string, { externalId, ...names }: ArrivedNames): Sql {
  return sql`connection_id = ${connectionId} AND subject_key = ANY(${keysOf(names)}::text[])
    AND NOT (coalesce(event -> 'subject' ->> 'id' <> ${externalId ?? null}::text, false) AND EXISTS (
      SELECT FROM event_source WHERE event_source.id = parked_event.source_id AND settings ->> 'idAttribute' IS DISTINCT FROM 'none'))`;
}

function toParked({
  source_id: sourceId,
  event: { occurredAt, ...event },
  received_at: receivedAt,
}: ParkedRow): ParkedEvent {
  return {
    sourceId,
    event: { ...event, occurredAt: occurredAt === undefined ? undefined : new Date(occurredAt) },
    receivedAt,
  };
}

function keysOf({ id, userName, email, token }: SubjectNames): readonly string[] {
  return [
    id === undefined ? [] : [`id ${id}`],
    userName === undefined ? [] : [`userName ${foldCase(userName)}`],
    email === undefined ? [] : [`email ${foldCase(email)}`],
    token === undefined ? [] : [`token ${JSON.stringify([token.iss, token.sub])}`],
  ].flat();
}
