import { DirectoryError } from "@rollcall/core/domain";

const attemptsMax = 5;

/**
 * Runs read-compute-write until nobody else wrote in between. A sender who named a condition hears of
 * the conflict at once; one who did not is served, or told to come back after five lost races.
 */
export async function writeUnlessRaced<Outcome>(
  condition: string | undefined,
  attempt: () => Promise<Outcome>,
): Promise<Outcome> {
  for (let tried = 0; tried < attemptsMax; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      const raced = error instanceof DirectoryError && error.code === "version_conflict";
      if (!raced || condition !== undefined) throw error;
    }
  }
  throw new DirectoryError("unavailable", "the resource is being changed by others; try again");
}

/** The refusal of an id that this connection does not have, whoever else may. */
export function notFound(): DirectoryError {
  return new DirectoryError("not_found", "no such resource");
}
