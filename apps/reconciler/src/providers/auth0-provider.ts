import type { Json } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { Exchange } from "./exchange.ts";
import { createTally, incomplete, readPage } from "./listing.ts";
import { expectId, lookUpOf, onlyOne } from "./names.ts";
import { type Provider, ProviderFailure, type ProviderUser } from "./provider.ts";
import { readCount, readFlag, readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

/** Auth0 answers no more than this of one search, whatever is asked for. */
const searchMax = 1_000;

/** Auth0's Management API. One user is read as it is stored; a list comes from an index that lags by seconds. */
export function auth0Provider(exchange: Exchange, base: URL, pageSize: number): Provider {
  const at = (path: string, query: Readonly<Record<string, string>> = {}): URL =>
    withQuery(new URL(`/api/v2/${path}`, base), query);
  const byEmail = async (email: string, signal: AbortSignal): Promise<readonly ProviderUser[]> =>
    readList((await exchange.get(at("users-by-email", { email }), signal)).body, "the answer to a search").map(
      (one) => readUser(one).user,
    );
  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names, new URL("/", base).href);
      if (lookUp.by === "id") {
        const { status, body } = await exchange.get(at(`users/${encodeURIComponent(lookUp.value)}`), signal, [404]);
        return status === 404 ? assertNotFound(body) : expectId(readUser(body).user, lookUp.value);
      }
      // What is no address is found by the index alone, and who is not in it may still be there.
      if (!lookUp.value.includes("@"))
        throw new ProviderFailure("malformed", "Auth0 proves who is there by id and by e-mail address alone");
      const found = await byEmail(lookUp.value.toLowerCase(), signal);
      const isSame = lookUp.value === lookUp.value.toLowerCase();
      // It compares exactly, and keeps what other directories wrote as they wrote it.
      return onlyOne(found.length > 0 || isSame ? found : await byEmail(lookUp.value, signal), {
        ...lookUp,
        by: "email",
      });
    },
    listUsers: (signal) => listByCreation(exchange, at, pageSize, signal),
  };
}

type At = (path: string, query: Readonly<Record<string, string>>) => URL;
type Dated = { readonly user: ProviderUser; readonly createdAt: string };

/**
 * Walks by the time of creation, which never changes: each search begins with the moment that the page before
 * ended with, so nobody is passed over who was there all along, however many come and go.
 */
async function* listByCreation(
  exchange: Exchange,
  at: At,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ProviderUser[]> {
  const tally = createTally();
  let expected: number | undefined;
  for (let since: string | undefined, page = 0; ;) {
    const url = at("users", searchQuery(since, page, pageSize));
    const answer = await readPage(exchange, url, expected === undefined, signal);
    const { users, total } = readSearch(answer.body, page * pageSize);
    expected ??= total;
    assertOrder(since, users);
    // Of who was created in the moment that the search begins with, some were listed before.
    const fresh = users
      .filter(({ user, createdAt }) => createdAt !== since || !tally.has(user.id))
      .map(({ user }) => user);
    tally.add(fresh);
    if (fresh.length > 0) yield fresh;
    const listed = page * pageSize + users.length;
    const last = users.at(-1)?.createdAt;
    // A full page is never the last, whatever the total says: it may be too small.
    if (users.length < pageSize || last === undefined) {
      if (listed !== total) throw incomplete(`a search ended after ${listed} of ${total}`);
      break;
    }
    page = last === since ? page + 1 : 0;
    if (page * pageSize >= searchMax)
      throw incomplete(`${searchMax} users were created in one moment, which is all that Auth0 lists`);
    since = last;
  }
  // It may count no further than it lists.
  if (expected !== searchMax && tally.size() !== expected)
    throw incomplete(`it listed ${tally.size()} and said that there are ${expected}`);
}

function searchQuery(since: string | undefined, page: number, pageSize: number): Readonly<Record<string, string>> {
  return {
    ...(since === undefined ? {} : { q: `created_at:["${since}" TO *]` }),
    search_engine: "v3",
    sort: "created_at:1",
    page: String(page),
    per_page: String(pageSize),
    include_totals: "true",
  };
}

function readSearch(body: Json, start: number): { readonly users: readonly Dated[]; readonly total: number } {
  const page = readObject(body, "a page of users");
  const users = readList(page["users"], "users").map(readUser);
  if (readCount(page["start"], "start") !== start || readCount(page["length"], "length") !== users.length)
    throw incomplete("a page is not the one that was asked for");
  return { users, total: readCount(page["total"], "total") };
}

function assertOrder(since: string | undefined, users: readonly Dated[]): void {
  let before = since ?? "";
  for (const { createdAt } of users) {
    if (createdAt < before) throw incomplete("it was not in the order that was asked for");
    before = createdAt;
  }
}

function assertNotFound(body: Json): undefined {
  if (readObject(body, "the answer to a missing user")["errorCode"] !== "inexistent_user")
    throw new ProviderFailure("malformed", "it answered 404 in words that are not Auth0's: check its address");
}

function readUser(value: Json): Dated {
  const user = readObject(value, "a user");
  const id = readText(user["user_id"], "user_id");
  const text = (name: string): string | undefined => readOptionalText(user[name], name);
  const email = text("email");
  const createdAt = readText(user["created_at"], "created_at");
  // They are compared as text, which holds for one form alone.
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(createdAt))
    throw new ProviderFailure("malformed", "created_at is not a time as Auth0 writes it");
  // Auth0 writes `blocked` where somebody was blocked once, and leaves it out for everybody else.
  const isBlocked = user["blocked"] !== undefined && readFlag(user["blocked"], "blocked");
  return {
    createdAt,
    user: {
      id,
      attributes: userAttributes({
        externalId: id,
        userName: text("username") ?? email ?? id,
        active: !isBlocked,
        displayName: text("name"),
        nickName: text("nickname"),
        locale: text("locale"),
        name: {
          givenName: text("given_name"),
          familyName: text("family_name"),
          middleName: undefined,
          formatted: undefined,
        },
        email,
        mobile: text("phone_number"),
      }),
    },
  };
}
