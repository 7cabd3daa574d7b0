import type { Json, JsonObject, UserAttributes } from "@rollcall/core/domain";
import { enterpriseUser, userAttributes } from "./attributes.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { countedPages, createTally, incomplete, linkedPages, type Progress, readPage } from "./listing.ts";
import { expectId, type LookUp, lookUpOf, onlyOne } from "./names.ts";
import { type Provider, ProviderFailure, type ProviderGroup, type ProviderUser } from "./provider.ts";
import { readCount, readFlag, readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";
const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/** Any server of SCIM 2.0 (RFC 7643, RFC 7644). It pages by cursor where it says that it can (RFC 9865 §4). */
export function scimProvider(exchange: Exchange, base: URL, pageSize: number): Provider {
  const at: At = (path, query = {}) => withQuery(new URL(`${base.href.replace(/\/+$/, "")}/${path}`), query);
  // Asked for by name, members are left out by groups that have none and by no other (RFC 7644 §3.9).
  const groupsAt: At = (path, query = {}) => at(path, { ...query, attributes: "displayName,members" });

  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names);
      if (lookUp.by !== "id") return search(exchange, at, lookUp, signal);
      const { status, body } = await exchange.get(at(`Users/${encodeURIComponent(lookUp.value)}`), signal, [404]);
      if (status === 404) return assertScimError(body);
      return expectId(readUser(body), lookUp.value);
    },
    listUsers: (signal, progress) =>
      listAll(exchange, at, { path: "Users", pageSize, read: readUser }, signal, progress),
    listGroups: (signal, progress) =>
      listAll(exchange, groupsAt, { path: "Groups", pageSize, read: readGroup }, signal, progress),
  };
}

type At = (path: string, query?: Readonly<Record<string, string>>) => URL;

/** What is listed, and how its resources are read. */
type Listed<Item> = { readonly path: string; readonly pageSize: number; readonly read: (resource: Json) => Item };

async function* listAll<Item extends { readonly id: string }>(
  exchange: Exchange,
  at: At,
  listed: Listed<Item>,
  signal: AbortSignal,
  progress?: Progress,
): AsyncGenerator<readonly Item[]> {
  const { path, pageSize, read } = listed;
  const count = String(pageSize);
  if (await pagesByCursor(exchange, at, signal)) {
    yield* listByCursor(exchange, at, listed, signal, progress);
    return;
  }
  yield* countedPages(async (offset) => {
    const url = at(path, { startIndex: String(offset + 1), count });
    const page = readListResponse(await readPage(exchange, url, offset === 0, signal));
    if (page.total === undefined) throw new ProviderFailure("malformed", "totalResults is not a count");
    return { items: page.resources.map(read), total: page.total };
  }, progress);
}

/** Where a walk by cursor goes on, with what all of its pages must agree about. */
type CursorPlace = { readonly cursor: string; readonly listed: number; readonly total?: number };

async function* listByCursor<Item extends { readonly id: string }>(
  exchange: Exchange,
  at: At,
  { path, pageSize, read }: Listed<Item>,
  signal: AbortSignal,
  progress?: Progress,
): AsyncGenerator<readonly Item[]> {
  const begun = progress?.from === undefined ? undefined : (JSON.parse(progress.from) as CursorPlace);
  let { listed, total }: Partial<CursorPlace> & { listed: number } = begun ?? { listed: 0 };
  const own: Progress = {
    from: begun?.cursor,
    tally: progress?.tally ?? createTally(),
    reached: (cursor) =>
      progress?.reached(cursor === undefined ? undefined : JSON.stringify({ cursor, listed, total })),
  };
  yield* linkedPages(async (cursor) => {
    const url = at(path, { cursor: cursor ?? "", count: String(pageSize) });
    const page = readListResponse(await readPage(exchange, url, cursor === undefined, signal));
    if (cursor !== undefined && page.total !== total) throw incomplete("its total changed on the way");
    total = page.total;
    listed += page.resources.length;
    return { items: page.resources.map(read), next: page.nextCursor };
  }, own);
  if (total !== undefined && listed !== total) throw incomplete(`it listed ${listed} and says that there are ${total}`);
}

/** RFC 9865 §5: only a server that says so is asked for cursors; others take the parameter for nothing. */
async function pagesByCursor(exchange: Exchange, at: At, signal: AbortSignal): Promise<boolean> {
  const { status, body } = await exchange.get(at("ServiceProviderConfig", undefined), signal, [404]);
  if (status === 404) return false;
  const pagination = readObject(body, "ServiceProviderConfig")["pagination"];
  if (pagination === undefined || pagination === null) return false;
  return readFlag(readObject(pagination, "pagination")["cursor"], "pagination.cursor");
}

async function search(
  exchange: Exchange,
  at: At,
  lookUp: LookUp,
  signal: AbortSignal,
): Promise<ProviderUser | undefined> {
  const path = lookUp.by === "userName" ? "userName" : "emails.value";
  const filter = `${path} eq ${JSON.stringify(lookUp.value)}`;
  const page = readListResponse(await exchange.get(at("Users", { filter, count: "2" }), signal));
  const found = page.resources.map(readUser);
  // "None" must be said, not left out.
  if (page.total === undefined || (found.length === 0 && page.total !== 0))
    throw new ProviderFailure("malformed", "it does not say how many users a search has found");
  return onlyOne(found, lookUp);
}

function readListResponse({ body }: Answer): {
  readonly resources: readonly Json[];
  readonly total: number | undefined;
  readonly nextCursor: string | undefined;
} {
  const list = readObject(body, "the answer to a list");
  if (!readList(list["schemas"], "schemas").includes(listSchema))
    throw new ProviderFailure("malformed", "it answered a list with what is no ListResponse");
  const total = list["totalResults"];
  return {
    // RFC 7644 §3.4.2: it may be left out where nothing was found.
    resources: list["Resources"] === undefined ? [] : readList(list["Resources"], "Resources"),
    total: total === undefined ? undefined : readCount(total, "totalResults"),
    nextCursor: readOptionalText(list["nextCursor"], "nextCursor"),
  };
}

/** RFC 7644 §3.12. A 404 in other words comes from something else that stands at that address. */
function assertScimError(body: Json): undefined {
  const schemas = readObject(body, "the answer to a missing user")["schemas"];
  if (!Array.isArray(schemas) || !schemas.includes(errorSchema))
    throw new ProviderFailure("malformed", "it answered 404 in words that are not SCIM's: check its address");
}

function readUser(resource: Json): ProviderUser {
  const user = readObject(resource, "a user");
  const id = readText(user["id"], "id");
  return { id, attributes: readAttributes(user, id) };
}

function readAttributes(user: JsonObject, id: string): UserAttributes {
  const text = (name: string): string | undefined => readOptionalText(user[name], name);
  const name = user["name"] === undefined || user["name"] === null ? {} : readObject(user["name"], "name");
  const emails = readEmails(user["emails"]);
  const said = user[enterpriseUser] ?? {};
  const enterprise = readObject(said, "the enterprise extension");
  const manager = enterprise["manager"];
  return userAttributes({
    externalId: id,
    userName: readText(user["userName"], "userName"),
    active: readFlag(user["active"], "active"),
    displayName: text("displayName"),
    nickName: text("nickName"),
    title: text("title"),
    userType: text("userType"),
    locale: text("locale"),
    preferredLanguage: text("preferredLanguage"),
    timezone: text("timezone"),
    name: {
      givenName: readOptionalText(name["givenName"], "name.givenName"),
      familyName: readOptionalText(name["familyName"], "name.familyName"),
      middleName: readOptionalText(name["middleName"], "name.middleName"),
      formatted: readOptionalText(name["formatted"], "name.formatted"),
    },
    email: emails[0],
    otherEmails: emails.slice(1),
    enterprise: {
      employeeNumber: readOptionalText(enterprise["employeeNumber"], "employeeNumber"),
      costCenter: readOptionalText(enterprise["costCenter"], "costCenter"),
      organization: readOptionalText(enterprise["organization"], "organization"),
      division: readOptionalText(enterprise["division"], "division"),
      department: readOptionalText(enterprise["department"], "department"),
    },
    managerId:
      manager === undefined || manager === null
        ? undefined
        : readOptionalText(readObject(manager, "manager")["value"], "manager.value"),
  });
}

/** The primary one first. */
function readEmails(value: Json | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  const emails = readList(value, "emails").map((one) => readObject(one, "an e-mail address"));
  const isPrimary = (email: JsonObject): boolean =>
    email["primary"] !== undefined && email["primary"] !== null && readFlag(email["primary"], "emails.primary");
  return emails
    .toSorted((a, b) => Number(isPrimary(b)) - Number(isPrimary(a)))
    .flatMap((email) => readOptionalText(email["value"], "emails.value") ?? []);
}

function readGroup(resource: Json): ProviderGroup {
  const group = readObject(resource, "a group");
  const id = readText(group["id"], "id");
  const members = group["members"];
  const displayName = readText(group["displayName"], "displayName");
  return {
    id,
    attributes: { displayName, externalId: id },
    members:
      members === undefined || members === null
        ? []
        : readList(members, "members").map((member) =>
            readText(readObject(member, "a member")["value"], "member.value"),
          ),
  };
}
