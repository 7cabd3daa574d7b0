import type { GroupAttributes, Listed, Membership, UserAttributes } from "../domain/index.ts";

export type ListedRow = {
  kind: Listed["kind"];
  id: string;
  attributes: UserAttributes & GroupAttributes;
  version: number;
  created_at: Date;
  updated_at: Date;
  memberships?: readonly Membership[];
};

export function toListed(row: ListedRow): Listed {
  const { kind, id, attributes, version, memberships } = row;
  const known = memberships === undefined ? {} : { memberships };
  const resource = { id, attributes, version, createdAt: row.created_at, updatedAt: row.updated_at, ...known };
  return { kind, resource };
}
