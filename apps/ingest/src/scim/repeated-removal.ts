import { DirectoryError } from "@rollcall/core/domain";
import type { Written } from "@rollcall/core/store";
import type { Caller } from "./scim-door.ts";

/** The directory of a resource type, as far as removing goes. */
type Removing = {
  remove(): Promise<Written<undefined>>;
  wasRemoved(): Promise<boolean>;
};

/**
 * Removes, and answers what that left behind: nothing where it was removed before. What this connection removed before counts as removed
 * where the sender's profile says so: a provider whose first answer was lost asks once more.
 */
export async function removeOnce({ profile }: Caller, directory: Removing): Promise<Written<undefined> | undefined> {
  try {
    return await directory.remove();
  } catch (error) {
    const gone = error instanceof DirectoryError && error.code === "not_found" && profile.deletedAgain === "204";
    if (gone && (await directory.wasRemoved())) return undefined;
    throw error;
  }
}
