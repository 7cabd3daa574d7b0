import type { ResourceKind } from "../domain/index.ts";
import { type Sql, sql } from "./sql.ts";

/** The resources that a list looks through. */
export type Searched = { readonly kind: ResourceKind; readonly connectionId: string; readonly base: string };

/** What a path means where it is no part of the attributes' JSON. Text may be folded already, as `foldCase` folds. */
export type Column =
  | { readonly kind: "text"; readonly value: Sql; readonly folded: boolean }
  | { readonly kind: "time"; readonly value: Sql }
  | { readonly kind: "boolean"; readonly value: Sql };

export const tables = { User: sql`directory_user`, Group: sql`directory_group` } as const;

const plain = (value: Sql): Column => ({ kind: "text", value, folded: false });

/** The column that holds a path of a resource, or what the resource shows there without holding it (RFC 7643 §3.1). */
export function columnOf({ kind, base }: Searched, path: string): Column | undefined {
  switch (path) {
    case "id":
      return plain(sql`id::text`);
    case "externalId":
      return plain(sql`external_id`);
    case "userName":
      return kind === "User" ? { kind: "text", value: sql`user_name_key`, folded: true } : undefined;
    case "displayName":
      return kind === "Group" ? { kind: "text", value: sql`display_name_key`, folded: true } : undefined;
    case "active":
      return kind === "User" ? { kind: "boolean", value: sql`active` } : undefined;
    case "meta.resourceType":
      return plain(kind === "User" ? sql`'User'::text` : sql`'Group'::text`);
    // A time is shown to the millisecond, and must equal what is shown.
    case "meta.created":
      return { kind: "time", value: sql`date_trunc('milliseconds', created_at)` };
    case "meta.lastModified":
      return { kind: "time", value: sql`date_trunc('milliseconds', updated_at)` };
    case "meta.location":
      return plain(sql`${`${base}/${kind}s/`}::text || id::text`);
    default:
      return undefined;
  }
}

/** The JSON that a path is looked up in: the attributes, or for `schemas` what they come to. */
export function jsonOf({ kind }: Searched, path: string): Sql {
  if (path !== "schemas") return sql`attributes`;
  const core = `urn:ietf:params:scim:schemas:core:2.0:${kind}`;
  // Extensions stand under their URN, and no other name has a colon.
  const extensions = sql`(SELECT coalesce(jsonb_agg(name), '[]') FROM jsonb_object_keys(attributes) AS name WHERE strpos(name, ':') > 0)`;
  return sql`jsonb_build_object('schemas', jsonb_build_array(${core}::text) || ${extensions})`;
}
