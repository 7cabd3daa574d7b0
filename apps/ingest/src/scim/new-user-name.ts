import { assertNewName, DirectoryError, foldCase, type UserAttributes } from "@rollcall/core/domain";
import type { Caller, ScimDoor } from "./scim-door.ts";

/**
 * Throws `value_invalid` where a user is to be given a name that may be taken for another's. It is
 * asked of nobody who has the name already, of no name that this connection knows (whoever had one
 * comes back under it, and who repeats a creation hears whose it is), and of no request that leaves
 * the user inactive: a denial is never refused for a name.
 */
export async function checkNewUserName(
  door: ScimDoor,
  { tenantId, connectionId, profile }: Caller,
  { active, userName }: UserAttributes,
  held: UserAttributes | undefined,
): Promise<void> {
  if (!active || held?.userName === userName) return;
  try {
    assertNewName("userName", userName, profile.lookAlikeNames);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    if (held !== undefined && foldCase(held.userName) === foldCase(userName)) return;
    if (await door.users.knowsName(tenantId, connectionId, userName)) return;
    throw error;
  }
}
