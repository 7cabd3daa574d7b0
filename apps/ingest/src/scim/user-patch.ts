import type { UserAttributes } from "@rollcall/core/domain";
import { applyChanges } from "./attribute-change.ts";
import type { Change } from "./dialect.ts";
import { sameJson } from "./same-json.ts";
import { checkedUser } from "./user-body.ts";

// RFC 7643 §4.1.1 requires the name alone; but without a state a user falls back to the default, which is to be let in.
const required: readonly string[] = ["userName", "active"];

/**
 * The user's attributes after the changes, in order and all or none. A change that says what is
 * already so leaves the attributes as they are. Throws where the outcome is no valid user.
 */
export function applyUserPatch(attributes: UserAttributes, changes: readonly Change[]): UserAttributes {
  const changed = applyChanges(attributes, changes, required);
  return sameJson(changed, attributes) ? attributes : checkedUser(changed);
}
