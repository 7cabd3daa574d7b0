import type { Json } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { Exchange } from "./exchange.ts";
import { countedPages, incomplete, ofSomebody, readPage } from "./listing.ts";
import { expectId, type LookUp, lookUpOf, onlyOne } from "./names.ts";
import { type Provider, ProviderFailure, type ProviderUser } from "./provider.ts";
import { readCount, readFlag, readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

/** One realm of a Keycloak, by its admin API. `base` is what comes before `/admin` and `/realms`. */
export function keycloakProvider(exchange: Exchange, base: URL, realm: string, pageSize: number): Provider {
  const root = base.href.replace(/\/+$/, "");
  const realmPath = encodeURIComponent(realm);
  const at = (path: string, query: Readonly<Record<string, string>> = {}): URL =>
    withQuery(new URL(`${root}/admin/realms/${realmPath}/users${path}`), query);
  const count = async (signal: AbortSignal): Promise<number> =>
    readCount((await exchange.get(at("/count"), signal)).body, "the count of users");

  const search = async (lookUp: LookUp, signal: AbortSignal): Promise<ProviderUser | undefined> => {
    const name = lookUp.by === "userName" ? "username" : "email";
    const query = { [name]: lookUp.value, exact: "true", briefRepresentation: "false", max: "2" };
    const { body } = await exchange.get(at("", query), signal);
    const user = onlyOne(readList(body, "the answer to a search").map(readUser), lookUp);
    // Who may query and not view users is told of none, with 200: that is no answer about anybody.
    if (user === undefined && (await count(signal)) === 0)
      throw new ProviderFailure("forbidden", "it shows no user at all: grant the client view-users");
    return user;
  };

  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names, `${root}/realms/${realmPath}`);
      if (lookUp.by !== "id") return search(lookUp, signal);
      const { status, body } = await exchange.get(at(`/${encodeURIComponent(lookUp.value)}`), signal, [404]);
      return status === 404 ? assertNotFound(body) : expectId(readUser(body), lookUp.value);
    },
    listUsers: (signal, progress) =>
      ofSomebody(
        endingAs(
          () => count(signal),
          (total) =>
            countedPages(async (offset) => {
              const query = { first: String(offset), max: String(pageSize), briefRepresentation: "false" };
              const { body } = await readPage(exchange, at("", query), offset === 0, signal);
              return { items: readList(body, "a page of users").map(readUser), total };
            }, progress),
        ),
        progress,
      ),
  };
}

/** Keycloak counts apart from its pages, so it is asked before and after: another count is another realm. */
async function* endingAs(
  count: () => Promise<number>,
  list: (total: number) => AsyncIterable<readonly ProviderUser[]>,
): AsyncGenerator<readonly ProviderUser[]> {
  const total = await count();
  yield* list(total);
  const after = await count();
  if (after !== total) throw incomplete(`its count changed from ${total} to ${after} on the way`);
}

/** "Realm not found." is a 404, too, and so is what a proxy says. */
function assertNotFound(body: Json): undefined {
  if (readObject(body, "the answer to a missing user")["error"] !== "User not found")
    throw new ProviderFailure("malformed", "it answered 404, and not for a user: check its address and the realm");
}

function readUser(value: Json): ProviderUser {
  const user = readObject(value, "a user");
  const id = readText(user["id"], "id");
  const said =
    user["attributes"] === undefined || user["attributes"] === null ? {} : readObject(user["attributes"], "attributes");
  // Keycloak keeps a list for each attribute; the first value is the one.
  const attribute = (name: string): string | undefined =>
    said[name] === undefined
      ? undefined
      : readOptionalText(readList(said[name], `attributes.${name}`)[0], `attributes.${name}`);
  return {
    id,
    attributes: userAttributes({
      externalId: id,
      userName: readText(user["username"], "username"),
      active: readFlag(user["enabled"], "enabled"),
      displayName: attribute("displayName"),
      title: attribute("title"),
      locale: attribute("locale"),
      name: {
        givenName: readOptionalText(user["firstName"], "firstName"),
        familyName: readOptionalText(user["lastName"], "lastName"),
        middleName: undefined,
        formatted: undefined,
      },
      email: readOptionalText(user["email"], "email"),
      phone: attribute("phoneNumber"),
      enterprise: {
        employeeNumber: attribute("employeeNumber"),
        costCenter: attribute("costCenter"),
        organization: attribute("organization"),
        division: attribute("division"),
        department: attribute("department"),
      },
    }),
  };
}
