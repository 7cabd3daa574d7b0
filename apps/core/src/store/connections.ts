import type { Connection, ConnectionKind, SubjectCompare, SubjectRule } from "../domain/index.ts";
import { type Sql, sql } from "./sql.ts";

export type ConnectionRow = {
  id: string;
  tenant_id: string;
  slug: string;
  name: string;
  kind: ConnectionKind;
  issuers: string[];
  audience: string | null;
  subject_claim: string;
  subject_rule: SubjectRule;
  subject_attribute: string;
  subject_compare: SubjectCompare;
  token_lifetime_sec: number;
};

export const connectionColumns: Sql = sql`connection.id, connection.tenant_id, connection.slug, connection.name, connection.kind, connection.issuers,
  connection.audience, connection.subject_claim, connection.subject_rule, connection.subject_attribute, connection.subject_compare, connection.token_lifetime_sec`;

export function toConnection(row: ConnectionRow): Connection {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    slug: row.slug,
    name: row.name,
    kind: row.kind,
    issuers: row.issuers,
    audience: row.audience ?? undefined,
    subjectClaim: row.subject_claim,
    subjectRule: row.subject_rule,
    subjectAttribute: row.subject_attribute,
    subjectCompare: row.subject_compare,
    tokenLifetimeSec: row.token_lifetime_sec,
  };
}
