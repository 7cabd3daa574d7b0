import { type Connection, providerKinds } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { livingCount } from "./directory-counts.ts";
import { sql } from "./sql.ts";

/** What has arrived by a connection so far, and when: what a set-up is looked through by. */
export type Arrivals = {
  /** SCIM tokens that live. */
  readonly tokens: number;
  readonly sources: number;
  readonly firstEventAt: Date | null;
  readonly lastEventAt: Date | null;
  readonly users: number;
  readonly groups: number;
  /** Users that the application has already. */
  readonly firstAppliedAt: Date | null;
  readonly waiting: number;
  readonly dead: number;
  /** Living users for whom no token's subject leads to them. */
  readonly withoutSubject: number;
  readonly provider:
    | { readonly title: string; readonly answeredAt: Date | null; readonly lastError: string | null }
    | undefined;
};

type Row = Omit<Arrivals, "provider"> & {
  providerKind: keyof typeof providerKinds | null;
  answeredAt: Date | null;
  lastError: string | null;
};

// Users looked at for subjects: whether it is all of them or some shows in far fewer.
const sampleMax = 1_000;

export async function readArrivals(database: Database, tenantId: string, { id }: Connection): Promise<Arrivals> {
  const [row] = await database.once<Row>(
    tenantId,
    sql`SELECT
      (SELECT count(*) FROM credential WHERE connection_id = ${id} AND purpose = 'scim' AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())) AS tokens,
      (SELECT count(*) FROM event_source WHERE connection_id = ${id}) AS sources,
      (SELECT min(created_at) FROM (
        (SELECT created_at FROM directory_user WHERE connection_id = ${id} ORDER BY connection_id, id LIMIT 1) UNION ALL
        (SELECT created_at FROM directory_group WHERE connection_id = ${id} ORDER BY connection_id, id LIMIT 1)
      ) AS first) AS "firstEventAt",
      (SELECT last_event_at FROM connection_pulse WHERE connection_id = ${id}) AS "lastEventAt",
      ${livingCount(id, "User")} AS users, ${livingCount(id, "Group")} AS groups,
      (SELECT min(applied_at) FROM (
        SELECT link.applied_at FROM directory_user AS usr JOIN link ON link.directory_user_id = usr.id WHERE usr.connection_id = ${id} AND link.applied_version > 0 ORDER BY usr.connection_id, usr.id LIMIT 1
      ) AS first) AS "firstAppliedAt",
      (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND connection_id = ${id} AND applied_at IS NULL AND dead_at IS NULL) AS waiting,
      (SELECT count(*) FROM lifecycle_event WHERE tenant_id = ${tenantId} AND connection_id = ${id} AND applied_at IS NULL AND dead_at IS NOT NULL AND dropped_at IS NULL) AS dead,
      (SELECT count(*) FROM (
        SELECT usr.id FROM directory_user AS usr JOIN link ON link.directory_user_id = usr.id AND link.applied_version > 0
        WHERE usr.connection_id = ${id} AND usr.deleted_at IS NULL ORDER BY usr.connection_id, usr.id LIMIT ${sampleMax}
      ) AS usr WHERE NOT EXISTS (SELECT FROM identity WHERE identity.directory_user_id = usr.id)) AS "withoutSubject",
      (SELECT kind FROM provider WHERE connection_id = ${id}) AS "providerKind",
      (SELECT answered_at FROM provider WHERE connection_id = ${id}) AS "answeredAt",
      (SELECT last_error FROM provider WHERE connection_id = ${id}) AS "lastError"`,
  );
  if (row === undefined) throw new Error("what has arrived by a connection could not be read");
  const { providerKind, answeredAt, lastError, ...arrivals } = row;
  const provider =
    providerKind === null ? undefined : { title: providerKinds[providerKind].title, answeredAt, lastError };
  return { ...arrivals, provider };
}
