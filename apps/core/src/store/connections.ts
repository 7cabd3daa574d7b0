import {
  type Connection,
  type ConnectionKind,
  type DialectChoices,
  isId,
  type JustInTime,
  type OwnRates,
  type PullSettings,
  type SubjectCompare,
  type SubjectRule,
} from "../domain/index.ts";
import { type Sql, sql } from "./sql.ts";

export type ConnectionRow = {
  id: string;
  tenant_id: string;
  slug: string;
  name: string;
  kind: ConnectionKind;
  dialect: DialectChoices;
  issuers: string[];
  audience: string | null;
  subject_claim: string;
  subject_rule: SubjectRule;
  subject_attribute: string;
  subject_compare: SubjectCompare;
  token_lifetime_sec: number;
  schemas_version: number;
  rates: OwnRates;
  just_in_time: JustInTime | null;
  paused_at: Date | null;
  pull: PullSettings | null;
};

export const connectionColumns: Sql = sql`connection.id, connection.tenant_id, connection.slug, connection.name, connection.kind, connection.dialect, connection.issuers,
  connection.audience, connection.subject_claim, connection.subject_rule, connection.subject_attribute, connection.subject_compare, connection.token_lifetime_sec, connection.schemas_version, connection.rates, connection.just_in_time, connection.paused_at, connection.pull`;

/** The connection with this slug or id; one that was removed has no name any more. */
export function connectionNamed(slugOrId: string): Sql {
  const named = isId(slugOrId) ? sql`connection.id = ${slugOrId}` : sql`connection.slug = ${slugOrId}`;
  return sql`${named} AND connection.removed_at IS NULL`;
}

export function toConnection(row: ConnectionRow): Connection {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    slug: row.slug,
    name: row.name,
    kind: row.kind,
    dialect: row.dialect,
    issuers: row.issuers,
    audience: row.audience ?? undefined,
    subjectClaim: row.subject_claim,
    subjectRule: row.subject_rule,
    subjectAttribute: row.subject_attribute,
    subjectCompare: row.subject_compare,
    tokenLifetimeSec: row.token_lifetime_sec,
    schemasVersion: row.schemas_version,
    rates: row.rates,
    justInTime: row.just_in_time ?? undefined,
    pausedAt: row.paused_at ?? undefined,
    pull: row.pull ?? undefined,
  };
}
