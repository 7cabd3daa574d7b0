import { DirectoryError, type ErrorCode } from "../domain/index.ts";

const uniqueViolation = "23505";

/** Which refusal a broken uniqueness rule is. The database decides, so two requests at once cannot both win. */
const refusals: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  directory_user_name_living: ["user_name_taken", "userName is already taken"],
  directory_user_external_living: ["external_id_taken", "externalId is already taken"],
  directory_group_name_living: ["group_name_taken", "displayName is already taken"],
  directory_group_external_living: ["external_id_taken", "externalId is already taken"],
};

/** Translates a violated rule of the database into its refusal; anything else comes back as it was. */
export function refusalOf(error: unknown): unknown {
  const { code, constraint } = error as { code?: unknown; constraint?: unknown };
  const refusal = code === uniqueViolation && typeof constraint === "string" ? refusals[constraint] : undefined;
  return refusal === undefined ? error : new DirectoryError(...refusal, { cause: error });
}

/** What work answers; undefined where it is refused. */
export async function unlessRefused<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (refusalOf(error) instanceof DirectoryError) return undefined;
    throw error;
  }
}
