import type { JsonObject, UserAttributes } from "@rollcall/core/domain";
import { applyChange } from "./attribute-change.ts";
import type { Change } from "./dialect.ts";
import { sameJson } from "./same-json.ts";
import { checkedUser } from "./user-body.ts";

/**
 * The user's attributes after the changes, in order and all or none. A change that says what is
 * already so leaves the attributes as they are. Throws where the outcome is no valid user.
 */
export function applyUserPatch(attributes: UserAttributes, changes: readonly Change[]): UserAttributes {
  const changed = changes.reduce<JsonObject>(applyChange, attributes);
  return sameJson(changed, attributes) ? attributes : checkedUser(changed);
}
