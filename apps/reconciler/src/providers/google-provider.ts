import type { Json, JsonObject } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { groupsWithMembers } from "./group-listing.ts";
import { linkedPages, ofSomebody, type Progress, readPage } from "./listing.ts";
import { expectId, lookUpOf, onlyOne } from "./names.ts";
import { type Provider, ProviderFailure, type ProviderGroup, type ProviderUser } from "./provider.ts";
import { readFlag, readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

/** What Google writes where others write 429. */
const throttledReasons = new Set(["userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"]);

export type GoogleOptions = {
  readonly base: URL;
  readonly customer: string;
  readonly pageSize: number;
  /** Whether the service account may read groups, too. */
  readonly groups: boolean;
};

/** Google's Directory API: the users of one Workspace account. */
export function googleProvider(exchange: Exchange, options: GoogleOptions): Provider {
  const { base, customer, pageSize, groups } = options;
  const listUsers = (signal: AbortSignal, progress?: Progress): AsyncGenerator<readonly ProviderUser[]> =>
    ofSomebody(
      linkedPages(async (pageToken) => {
        const query = {
          customer,
          maxResults: String(pageSize),
          orderBy: "email",
          projection: "full",
          showDeleted: "false",
        };
        const { values, next } = await readDirectoryPage(exchange, at(base, "users", query), "users", {
          pageToken,
          signal,
        });
        return { items: values.map(readUser), next };
      }, progress),
      progress,
    );
  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names, "https://accounts.google.com");
      // The key is the id, the address, or one of the addresses that somebody has besides.
      const url = at(base, `users/${encodeURIComponent(lookUp.value)}`, { projection: "full" });
      const { status, body } = await exchange.get(url, signal, [404]);
      if (status === 404) return assertNotFound(body);
      const user = readUser(body);
      return lookUp.by === "id" ? expectId(user, lookUp.value) : onlyOne([user], { ...lookUp, by: "email" });
    },
    listUsers,
    ...(groups
      ? { listGroups: (signal: AbortSignal) => listGroups(exchange, options, () => listUsers(signal), signal) }
      : {}),
  };
}

function listGroups(
  exchange: Exchange,
  { base, customer, pageSize }: GoogleOptions,
  listUsers: () => AsyncIterable<readonly ProviderUser[]>,
  signal: AbortSignal,
): AsyncGenerator<readonly ProviderGroup[]> {
  const maxResults = String(Math.min(pageSize, 200));
  let everybody: Promise<readonly string[]> | undefined;
  const expand = async (ids: readonly string[]): Promise<readonly string[]> => {
    if (!ids.includes(wholeCustomer)) return ids;
    everybody ??= allIds(listUsers());
    return [...new Set([...(await everybody), ...ids.filter((id) => id !== wholeCustomer)])];
  };
  return groupsWithMembers(
    async (pageToken) => {
      const url = at(base, "groups", { customer, maxResults });
      const { values, next } = await readDirectoryPage(exchange, url, "groups", { pageToken, signal });
      const items = values.map((value) => {
        const group = readObject(value, "a group");
        return { id: readText(group["id"], "id"), displayName: readText(group["name"], "name") };
      });
      return { items, next };
    },
    async (groupId, pageToken) => {
      const url = at(base, `groups/${encodeURIComponent(groupId)}/members`, { maxResults });
      const { values, next } = await readDirectoryPage(exchange, url, "members", { pageToken, signal, isPart: true });
      return { items: values.map((value) => ({ id: memberId(value) })), next };
    },
    expand,
  );
}

/** A group may have everybody of the account in it, which is one member with a type of its own. */
const wholeCustomer = "everybody of the account";

function memberId(value: Json): string {
  const member = readObject(value, "a member");
  return member["type"] === "CUSTOMER" ? wholeCustomer : readText(member["id"], "id");
}

/** A page of a list. One of nobody has no list at all; something that is no page has no `kind` either. */
async function readDirectoryPage(
  exchange: Exchange,
  url: URL,
  name: "users" | "groups" | "members",
  at: { readonly pageToken: string | undefined; readonly signal: AbortSignal; readonly isPart?: boolean },
): Promise<{ readonly values: readonly Json[]; readonly next: string | undefined }> {
  const { pageToken, signal, isPart = pageToken !== undefined } = at;
  const asked = new URL(url);
  if (pageToken !== undefined) asked.searchParams.set("pageToken", pageToken);
  const page = readObject((await readPage(exchange, asked, !isPart, signal)).body, `a page of ${name}`);
  if (page["kind"] !== `admin#directory#${name}`)
    throw new ProviderFailure("malformed", "it answered a list with what is none of the Directory API's");
  return {
    values: page[name] === undefined ? [] : readList(page[name], name),
    next: readOptionalText(page["nextPageToken"], "nextPageToken"),
  };
}

function at(base: URL, path: string, query: Readonly<Record<string, string>>): URL {
  return withQuery(new URL(`/admin/directory/v1/${path}`, base), query);
}

async function allIds(pages: AsyncIterable<readonly ProviderUser[]>): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const page of pages) ids.push(...page.map(({ id }) => id));
  return ids;
}

/** Google says "too fast" by 403, and tells it from "may not" by the reason alone. */
export function isGoogleThrottle({ body }: Answer): boolean {
  return errorReasons(body).some((reason) => throttledReasons.has(reason));
}

function assertNotFound(body: Json): undefined {
  const message = readObject(readObject(body, "an error")["error"], "error")["message"];
  const isUser = typeof message === "string" && /^Resource Not Found: userKey\b/.test(message);
  if (!isUser || !errorReasons(body).includes("notFound"))
    throw new ProviderFailure("malformed", "it answered 404, and not for a user: check the customer and its address");
}

function errorReasons(body: Json): readonly string[] {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return [];
  const { error } = body as JsonObject;
  if (typeof error !== "object" || error === null || Array.isArray(error)) return [];
  const { errors } = error as JsonObject;
  return Array.isArray(errors)
    ? errors.flatMap((one: Json) => {
        const reason =
          typeof one === "object" && one !== null && !Array.isArray(one) ? (one as JsonObject)["reason"] : "";
        return typeof reason === "string" ? [reason] : [];
      })
    : [];
}

function readUser(value: Json): ProviderUser {
  const user = readObject(value, "a user");
  const id = readText(user["id"], "id");
  const name = user["name"] === undefined ? {} : readObject(user["name"], "name");
  const primaryEmail = readText(user["primaryEmail"], "primaryEmail");
  const isArchived = user["archived"] !== undefined && readFlag(user["archived"], "archived");
  const listed = (field: string): readonly JsonObject[] =>
    user[field] === undefined ? [] : readList(user[field], field).map((one) => readObject(one, field));
  const [organization = {}] = primaryFirst(listed("organizations"));
  const phone = (type: string): string | undefined =>
    readOptionalText(listed("phones").find((one) => one["type"] === type)?.["value"], "phones.value");
  return {
    id,
    attributes: userAttributes({
      externalId: id,
      userName: primaryEmail,
      // Who is archived can no more sign in than who is suspended.
      active: !readFlag(user["suspended"], "suspended") && !isArchived,
      displayName: readOptionalText(name["displayName"] ?? name["fullName"], "name.fullName"),
      title: readOptionalText(organization["title"], "organizations.title"),
      name: {
        givenName: readOptionalText(name["givenName"], "name.givenName"),
        familyName: readOptionalText(name["familyName"], "name.familyName"),
        middleName: undefined,
        formatted: readOptionalText(name["fullName"], "name.fullName"),
      },
      email: primaryEmail,
      otherEmails: aliases(user, listed("emails")),
      phone: phone("work"),
      mobile: phone("mobile"),
      enterprise: {
        employeeNumber: readOptionalText(
          listed("externalIds").find((one) => one["type"] === "organization")?.["value"],
          "externalIds.value",
        ),
        costCenter: readOptionalText(organization["costCenter"], "organizations.costCenter"),
        organization: readOptionalText(organization["name"], "organizations.name"),
        division: undefined,
        department: readOptionalText(organization["department"], "organizations.department"),
      },
    }),
  };
}

function aliases(user: JsonObject, emails: readonly JsonObject[]): readonly string[] {
  const named = user["aliases"] === undefined ? [] : readList(user["aliases"], "aliases");
  return [...named, ...emails.flatMap((email) => email["address"] ?? [])].map((one) =>
    readText(one, "an e-mail address"),
  );
}

function primaryFirst(list: readonly JsonObject[]): readonly JsonObject[] {
  return list.toSorted((a, b) => Number(b["primary"] === true) - Number(a["primary"] === true));
}
