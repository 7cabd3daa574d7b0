import { type Connection, DirectoryError, type JsonObject, type UserAttributes } from "@rollcall/core/domain";
import { sameJson } from "./same-json.ts";
import type { Caller } from "./scim-door.ts";

/**
 * What people may say about themselves: how they are addressed, reached and spoken to. Everything
 * else is their provider's: names and ids that tokens and invitations are matched by, state, roles
 * and entitlements, keys, and what an employer or an extension says of them.
 */
const ownAttributes: readonly string[] = [
  "name",
  "displayName",
  "nickName",
  "profileUrl",
  "photos",
  "phoneNumbers",
  "ims",
  "addresses",
  "preferredLanguage",
  "locale",
  "timezone",
];

/**
 * Holds a person to what is theirs to change, and a connection to nothing. What else a replacement
 * leaves out stays as it is, where `silence` keeps it; what else differs throws `forbidden`, and
 * nothing is changed.
 */
export function keepToOwn(
  { userId, connection }: Caller,
  before: UserAttributes,
  after: UserAttributes,
  silence: "keeps" | "removes",
): UserAttributes {
  if (userId === undefined) return after;
  const own = new Set(ownAttributes.filter((name) => name !== subjectIn(connection)));
  const others = Object.keys({ ...before, ...after }).filter((name) => !own.has(name));
  const kept: JsonObject = Object.fromEntries(
    others.flatMap((name) => {
      const held = before[name];
      const isUnsaid = after[name] === undefined && silence === "keeps";
      if (!isUnsaid && !sameJson(held, after[name])) {
        throw new DirectoryError("forbidden", `${name} is not yours to change: ask whoever manages your account`);
      }
      return held === undefined ? [] : [[name, held] as const];
    }),
  );
  return { ...after, ...kept };
}

// Whoever could set what their subject is read from could become somebody else.
function subjectIn({ subjectRule, subjectAttribute }: Connection): string | undefined {
  return subjectRule === "attribute" ? subjectAttribute.split(/[.[]/, 1)[0] : undefined;
}
