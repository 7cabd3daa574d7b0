import { type ConnectionStanding, foldCase } from "../domain/index.ts";
import type { Transaction } from "./database.ts";
import { sql } from "./sql.ts";

type Row = {
  id: string;
  slug: string;
  paused_at: Date | null;
  brought: boolean;
  heard_at: Date | null;
  silent_since: Date | null;
  run_id: string | null;
  braked_since: Date | null;
  names: boolean;
  parked_kind: string | null;
  parked_at: Date | null;
  parked_count: number;
};

/** How connections bring their users just now, and whether anything of it is about this subject. */
export async function readStandings(
  transaction: Transaction,
  connectionIds: readonly string[],
  subject: { readonly iss: string | undefined; readonly sub: string; readonly candidateIds: readonly string[] },
): Promise<readonly ConnectionStanding[]> {
  if (connectionIds.length === 0) return [];
  const { iss, sub, candidateIds } = subject;
  const folded = foldCase(sub);
  const token = iss === undefined ? [] : [`token ${JSON.stringify([iss, sub])}`];
  const keys = [`id ${sub}`, `userName ${folded}`, `email ${folded}`, ...token];
  const rows = await transaction.query<Row>(sql`
    SELECT connection.id, connection.slug, connection.paused_at,
      EXISTS (SELECT FROM directory_user WHERE connection_id = connection.id) OR EXISTS (SELECT FROM directory_group WHERE connection_id = connection.id) AS brought,
      greatest(pulse.last_event_at, pulse.last_request_at, (SELECT max(last_used_at) FROM credential WHERE connection_id = connection.id)) AS heard_at,
      (SELECT min(raised_at) FROM alert WHERE resolved_at IS NULL
        AND ((kind = 'connection_silent' AND key = connection.id::text) OR (kind = 'source_silent' AND detail ->> 'connection' = connection.id::text))) AS silent_since,
      braked.id AS run_id, braked.started_at AS braked_since,
      braked.id IS NOT NULL AND EXISTS (SELECT FROM pull_difference AS difference WHERE difference.run_id = braked.id
        AND (difference.provider_id = ${sub} OR difference.name IN (${sub}, ${folded}) OR difference.subject_id = ANY(${candidateIds}::uuid[]))) AS names,
      parked.kind AS parked_kind, parked.received_at AS parked_at, coalesce(parked.count, 0) AS parked_count
    FROM connection
    LEFT JOIN connection_pulse AS pulse ON pulse.connection_id = connection.id
    LEFT JOIN LATERAL (
      SELECT id, started_at FROM pull_run WHERE connection_id = connection.id AND state = 'braked' ORDER BY started_at DESC LIMIT 1
    ) AS braked ON true
    LEFT JOIN LATERAL (
      SELECT event ->> 'kind' AS kind, received_at, count(*) OVER () AS count FROM parked_event
      WHERE connection_id = connection.id AND subject_key = ANY(${keys}::text[]) ORDER BY received_at DESC LIMIT 1
    ) AS parked ON true
    WHERE connection.id = ANY(${connectionIds}::uuid[]) ORDER BY connection.id`);
  return rows.map(toStanding);
}

function toStanding(row: Row): ConnectionStanding {
  return {
    connectionId: row.id,
    slug: row.slug,
    pausedAt: row.paused_at ?? undefined,
    brought: row.brought,
    heardAt: row.heard_at ?? undefined,
    silentSince: row.silent_since ?? undefined,
    braked:
      row.run_id === null || row.braked_since === null
        ? undefined
        : { run: row.run_id, since: row.braked_since, names: row.names },
    parked:
      row.parked_kind === null || row.parked_at === null
        ? undefined
        : { kind: row.parked_kind, at: row.parked_at, count: row.parked_count },
  };
}
