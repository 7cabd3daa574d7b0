import type { Json } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { Exchange } from "./exchange.ts";
import { groupsWithMembers } from "./group-listing.ts";
import { linkedPages, ofSomebody, readPage } from "./listing.ts";
import { expectId, lookUpOf, onlyOne } from "./names.ts";
import { nextLink } from "./next-link.ts";
import { type Provider, ProviderFailure, type ProviderGroup, type ProviderUser } from "./provider.ts";
import { readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

/**
 * Who may sign in. Locked out, they may again in a moment; with a password to set or to renew, after that.
 * `STAGED` is nobody's account yet, `SUSPENDED` and `DEPROVISIONED` are leavers'.
 */
const isActive: ReadonlyMap<string, boolean> = new Map([
  ["ACTIVE", true],
  ["LOCKED_OUT", true],
  ["PASSWORD_EXPIRED", true],
  ["PROVISIONED", true],
  ["RECOVERY", true],
  ["STAGED", false],
  ["SUSPENDED", false],
  ["DEPROVISIONED", false],
]);

/** Okta leaves leavers out of a list that asks for nothing; one that names every status has all. */
const everyStatus = [...isActive.keys()].map((status) => `status eq "${status}"`).join(" or ");

/** Okta's Users API. Its filters read what is stored, its searches an index that lags. */
export function oktaProvider(exchange: Exchange, base: URL, pageSize: number, groups: boolean): Provider {
  const users = (query: Readonly<Record<string, string>> = {}, id = ""): URL =>
    withQuery(new URL(`/api/v1/users${id === "" ? "" : `/${encodeURIComponent(id)}`}`, base), query);
  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names);
      if (lookUp.by === "id") {
        const { status, body } = await exchange.get(users({}, lookUp.value), signal, [404]);
        return status === 404 ? assertNotFound(body) : expectId(readUser(body), lookUp.value);
      }
      const attribute = lookUp.by === "userName" ? "profile.login" : "profile.email";
      const filter = `${attribute} eq ${JSON.stringify(lookUp.value)}`;
      const { body } = await exchange.get(users({ filter, limit: "2" }), signal);
      return onlyOne(readList(body, "the answer to a search").map(readUser), lookUp);
    },
    listUsers: (signal, progress) =>
      ofSomebody(
        linkedPages(async (next) => {
          const url = next === undefined ? users({ filter: everyStatus, limit: String(pageSize) }) : new URL(next);
          const { body, links } = await readPage(exchange, url, next === undefined, signal);
          return { items: readList(body, "a page of users").map(readUser), next: nextLink(links, url) };
        }, progress),
        progress,
      ),
    ...(groups ? { listGroups: (signal: AbortSignal) => listGroups(exchange, base, pageSize, signal) } : {}),
  };
}

/** Groups have users in them, and no groups. */
function listGroups(
  exchange: Exchange,
  base: URL,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ProviderGroup[]> {
  const limit = String(pageSize);
  const read = async (first: URL, next: string | undefined, isFirst: boolean) => {
    const url = next === undefined ? first : new URL(next);
    const { body, links } = await readPage(exchange, url, isFirst, signal);
    return { values: readList(body, "a page"), next: nextLink(links, url) };
  };
  return groupsWithMembers(
    async (from) => {
      const { values, next } = await read(
        withQuery(new URL("/api/v1/groups", base), { limit }),
        from,
        from === undefined,
      );
      const items = values.map((value) => {
        const group = readObject(value, "a group");
        const profile = readObject(group["profile"], "profile");
        return { id: readText(group["id"], "id"), displayName: readText(profile["name"], "profile.name") };
      });
      return { items, next };
    },
    async (groupId, from) => {
      const first = withQuery(new URL(`/api/v1/groups/${encodeURIComponent(groupId)}/users`, base), { limit });
      const { values, next } = await read(first, from, false);
      return { items: values.map((value) => ({ id: readText(readObject(value, "a member")["id"], "id") })), next };
    },
  );
}

/** Okta's own words for it: a 404 in others comes from something else that stands at that address. */
function assertNotFound(body: Json): undefined {
  if (readObject(body, "the answer to a missing user")["errorCode"] !== "E0000007")
    throw new ProviderFailure("malformed", "it answered 404 in words that are not Okta's: check its address");
}

function readUser(value: Json): ProviderUser {
  const user = readObject(value, "a user");
  const id = readText(user["id"], "id");
  const active = isActive.get(readText(user["status"], "status"));
  if (active === undefined) throw new ProviderFailure("malformed", "a user has a status that Okta has not named");
  const profile = readObject(user["profile"], "profile");
  const text = (name: string): string | undefined => readOptionalText(profile[name], `profile.${name}`);
  const secondEmail = text("secondEmail");
  return {
    id,
    attributes: userAttributes({
      externalId: id,
      userName: readText(profile["login"], "profile.login"),
      active,
      displayName: text("displayName"),
      nickName: text("nickName"),
      title: text("title"),
      userType: text("userType"),
      locale: text("locale"),
      preferredLanguage: text("preferredLanguage"),
      timezone: text("timezone"),
      name: {
        givenName: text("firstName"),
        familyName: text("lastName"),
        middleName: text("middleName"),
        formatted: undefined,
      },
      email: text("email"),
      otherEmails: secondEmail === undefined ? [] : [secondEmail],
      phone: text("primaryPhone"),
      mobile: text("mobilePhone"),
      enterprise: {
        employeeNumber: text("employeeNumber"),
        costCenter: text("costCenter"),
        organization: text("organization"),
        division: text("division"),
        department: text("department"),
      },
      managerId: text("managerId"),
    }),
  };
}
