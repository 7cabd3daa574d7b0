import type { IdAttribute } from "../domain/index.ts";
import { type Sql, sql } from "./sql.ts";

/** Whether a directory user is the one of a listed row: by the provider's id where the directory keeps it, else by name. */
export function isCalledAs(listed: Sql, idAttribute: IdAttribute): Sql {
  const byName = sql`directory_user.user_name_key = ${listed}.user_name_key`;
  if (idAttribute === "none") return byName;
  return sql`(directory_user.external_id = ${listed}.provider_id OR (directory_user.external_id IS NULL AND ${byName}))`;
}

/** The same of a directory group. */
export function isGroupCalledAs(listed: Sql, idAttribute: IdAttribute): Sql {
  const byName = sql`directory_group.display_name_key = ${listed}.display_name_key`;
  if (idAttribute === "none") return byName;
  return sql`(directory_group.external_id = ${listed}.provider_id OR (directory_group.external_id IS NULL AND ${byName}))`;
}
