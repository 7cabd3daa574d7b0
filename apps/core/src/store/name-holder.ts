import { canonicalName, DirectoryError, type JsonObject } from "../domain/index.ts";
import type { Database } from "./database.ts";
import { refusalOf } from "./refusal.ts";
import { type Sql, sql } from "./sql.ts";

/** What was to be written, and where. */
export type WantedNames = {
  readonly kind: "user" | "group";
  readonly connectionId: string;
  readonly attributes: JsonObject;
};

/**
 * Translates a failed write into its refusal. One for a name that is taken says who of this
 * connection has it, which is what a provider needs whose first answer was lost.
 */
export async function refusalNamingHolder(
  database: Database,
  tenantId: string,
  error: unknown,
  wanted: WantedNames,
): Promise<unknown> {
  const refusal = refusalOf(error);
  if (!(refusal instanceof DirectoryError)) return refusal;
  const names = wantedNames(wanted);
  const taken = conditionOf(refusal, names, wanted);
  if (taken === undefined) return refusal;

  const table = wanted.kind === "user" ? sql`directory_user` : sql`directory_group`;
  const [holder] = await database.once<{ id: string; named: boolean | null }>(
    tenantId,
    sql`SELECT id, ${names.matches} AS named FROM ${table}
      WHERE connection_id = ${wanted.connectionId} AND deleted_at IS NULL AND ${taken}`,
  );
  // Nobody has it any more: the name went while we were looking.
  if (holder === undefined) return refusal;
  // Who repeats a creation meets one resource with both names, in whichever order the database looked.
  const byName = holder.named === true;
  const attribute = byName ? names.attribute : "externalId";
  const code = byName ? names.code : refusal.code;
  return new DirectoryError(code, `${attribute} is already taken by the ${wanted.kind} ${holder.id}`, { cause: error });
}

function wantedNames({ kind, attributes }: WantedNames) {
  const attribute = kind === "user" ? "userName" : "displayName";
  const name = attributes[attribute];
  // A write that does not name the resource anew leaves it a name that is its own.
  const key = typeof name === "string" ? canonicalName(attribute, name) : null;
  return kind === "user"
    ? ({ attribute, code: "user_name_taken", matches: sql`user_name_key = ${key}` } as const)
    : ({ attribute, code: "group_name_taken", matches: sql`display_name_key = ${key}` } as const);
}

function conditionOf(
  { code }: DirectoryError,
  names: { readonly code: string; readonly matches: Sql },
  { attributes }: WantedNames,
): Sql | undefined {
  if (code === names.code) return names.matches;
  return code === "external_id_taken" ? sql`external_id = ${attributes["externalId"] ?? null}` : undefined;
}
