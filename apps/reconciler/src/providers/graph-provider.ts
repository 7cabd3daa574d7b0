import type { Json, JsonObject } from "@rollcall/core/domain";
import { userAttributes } from "./attributes.ts";
import type { Answer, Exchange } from "./exchange.ts";
import { groupsWithMembers } from "./group-listing.ts";
import { linkedPages, ofSomebody, readPage } from "./listing.ts";
import { expectId, lookUpOf, onlyOne } from "./names.ts";
import {
  type Provider,
  type ProviderChanges,
  ProviderFailure,
  type ProviderGroup,
  type ProviderUser,
} from "./provider.ts";
import { readFlag, readList, readObject, readOptionalText, readText } from "./reading.ts";
import { withQuery } from "./with-query.ts";

const attributes = [
  "id",
  "userPrincipalName",
  "accountEnabled",
  "displayName",
  "givenName",
  "surname",
  "mail",
  "otherMails",
  "businessPhones",
  "mobilePhone",
  "jobTitle",
  "userType",
  "preferredLanguage",
  "employeeId",
  "department",
  "companyName",
].join(",");

/** So many changes are answered at once; where there are more, the mark lies among them. */
const changesMax = 1_000;
const readAtOnce = 20;

/** Microsoft Graph's users, and what has changed of them by delta query. */
export function graphProvider(exchange: Exchange, base: URL, pageSize: number, groups: boolean): Provider {
  const at = (path: string, query: Readonly<Record<string, string>>): URL =>
    withQuery(new URL(`/v1.0/users${path}`, base), query);
  const readById = async (id: string, signal: AbortSignal): Promise<ProviderUser | undefined> => {
    const { status, body } = await exchange.get(
      at(`/${encodeURIComponent(id)}`, { $select: attributes }),
      signal,
      [404],
    );
    return status === 404 ? assertNotFound(body) : expectId(readUser(body), id);
  };
  return {
    readUser: async (names, signal) => {
      const lookUp = lookUpOf(names);
      if (lookUp.by === "id") return readById(lookUp.value, signal);
      const $filter = `${lookUp.by === "userName" ? "userPrincipalName" : "mail"} eq '${lookUp.value.replaceAll("'", "''")}'`;
      const answer = await exchange.get(at("", { $filter, $select: attributes, $top: "2" }), signal);
      const { items, next } = readGraphPage(answer);
      if (items.length === 0 && next !== undefined)
        throw new ProviderFailure("malformed", "it has not ended a search that found nobody");
      return onlyOne(items.map(readUser), lookUp);
    },
    listUsers: (signal, progress) =>
      ofSomebody(
        linkedPages(async (next) => {
          const first = at("", { $select: attributes, $top: String(pageSize) });
          const page = readGraphPage(
            await readPage(exchange, next === undefined ? first : new URL(next), next === undefined, signal),
          );
          return { items: page.items.map(readUser), next: page.next };
        }, progress),
        progress,
      ),
    changesSince: async (mark, signal) => {
      const start = at("/delta", { $select: attributes, $deltatoken: "latest" });
      const { changed, deleted, next } = await readDelta(
        exchange,
        mark === undefined ? start : markOf(mark, base),
        signal,
      );
      return readChanges(changed, deleted, next, (id) => readById(id, signal));
    },
    ...(groups ? { listGroups: (signal: AbortSignal) => listGroups(exchange, base, pageSize, signal) } : {}),
  };
}

/** What may be in a group and is neither user nor group: devices, apps, contacts. They have no access to lose here. */
const isPerson = (value: Json): boolean => {
  const type = readText(readObject(value, "a member")["@odata.type"], "@odata.type");
  return type === "#microsoft.graph.user" || type === "#microsoft.graph.group";
};

function listGroups(
  exchange: Exchange,
  base: URL,
  pageSize: number,
  signal: AbortSignal,
): AsyncGenerator<readonly ProviderGroup[]> {
  const $top = String(pageSize);
  const read = async (path: string, $select: string, next: string | undefined, isFirst: boolean) => {
    const first = withQuery(new URL(`/v1.0/groups${path}`, base), { $select, $top });
    return readGraphPage(await readPage(exchange, next === undefined ? first : new URL(next), isFirst, signal));
  };
  return groupsWithMembers(
    async (from) => {
      const { items, next } = await read("", "id,displayName", from, from === undefined);
      const groups = items.map((item) => {
        const group = readObject(item, "a group");
        return { id: readText(group["id"], "id"), displayName: readText(group["displayName"], "displayName") };
      });
      return { items: groups, next };
    },
    async (groupId, from) => {
      const { items, next } = await read(`/${encodeURIComponent(groupId)}/members`, "id", from, false);
      const members = items
        .filter(isPerson)
        .map((item) => ({ id: readText(readObject(item, "a member")["id"], "id") }));
      return { items: members, next };
    },
  );
}

type Delta = { readonly changed: ReadonlySet<string>; readonly deleted: ReadonlySet<string>; readonly next: string };

/** Follows a delta until it ends, or until it has said enough for once. */
async function readDelta(exchange: Exchange, start: URL, signal: AbortSignal): Promise<Delta> {
  const changed = new Set<string>();
  const deleted = new Set<string>();
  const followed = new Set<string>();
  for (let url = start; ;) {
    const answer = await exchange.get(url, signal, [400, 404, 410]);
    if (answer.status !== 200) throw refusedMark(answer);
    const { items, next, delta } = readGraphPage(answer);
    for (const item of items) {
      const change = readObject(item, "a change");
      const id = readText(change["id"], "id");
      // The last word about somebody counts: one that was deleted may have been restored.
      const isDeleted = change["@removed"] !== undefined;
      if (isDeleted) assertRemoval(change["@removed"]);
      (isDeleted ? changed : deleted).delete(id);
      (isDeleted ? deleted : changed).add(id);
    }
    const goesOn = next ?? delta;
    if (goesOn === undefined) throw new ProviderFailure("incomplete", "its changes end without a link to go on from");
    if (next === undefined || changed.size + deleted.size >= changesMax) return { changed, deleted, next: goesOn };
    if (followed.has(next)) throw new ProviderFailure("incomplete", "its changes lead in a circle");
    followed.add(next);
    url = new URL(next);
  }
}

/** What reading one changed user came to: `malformed` is the fault of what is said of this one alone. */
type Read = { readonly id: string; readonly user: ProviderUser | "gone" | "malformed" };

/** A delta may name only what has changed of a user, so each is read whole; who is gone by then is deleted. */
async function readChanges(
  changed: ReadonlySet<string>,
  deleted: ReadonlySet<string>,
  mark: string,
  readById: (id: string) => Promise<ProviderUser | undefined>,
): Promise<ProviderChanges> {
  const readOne = async (id: string): Promise<Read> => {
    try {
      return { id, user: (await readById(id)) ?? "gone" };
    } catch (error) {
      if (error instanceof ProviderFailure && error.reason === "malformed") return { id, user: "malformed" };
      throw error;
    }
  };
  const ids = [...changed];
  const read: Read[] = [];
  while (read.length < ids.length)
    read.push(...(await Promise.all(ids.slice(read.length, read.length + readAtOnce).map(readOne))));
  const idsOf = (what: "gone" | "malformed"): readonly string[] =>
    read.flatMap(({ id, user }) => (user === what ? [id] : []));
  return {
    users: read.flatMap(({ user }) => (typeof user === "string" ? [] : [user])),
    deleted: [...deleted, ...idsOf("gone")],
    unread: idsOf("malformed"),
    mark,
  };
}

/** `changed` may be restored within 30 days, `deleted` may not: for access they are the same. */
function assertRemoval(removed: Json | undefined): void {
  const reason = readObject(removed, "@removed")["reason"];
  if (reason !== "changed" && reason !== "deleted")
    throw new ProviderFailure("malformed", "@removed.reason is neither changed nor deleted");
}

function markOf(mark: string, base: URL): URL {
  const url = URL.canParse(mark) ? new URL(mark) : undefined;
  if (url?.origin !== base.origin || !/^\/v1\.0\/users\/(?:microsoft\.graph\.)?delta(?:\(\))?$/.test(url.pathname))
    throw new ProviderFailure("malformed", "the mark is none of this provider's");
  return url;
}

/** After seven days, or a move of the tenant, Graph knows a mark no longer: 410, or 400 with one of these codes. */
function refusedMark({ status, body }: Answer): ProviderFailure {
  const code = errorCode(body);
  const isExpired = status === 410 || /^(?:syncStateNotFound|syncStateInvalid|resyncRequired)$/i.test(code);
  return isExpired
    ? new ProviderFailure("expired", "it no longer knows the mark: take a new one, then list everybody")
    : new ProviderFailure("malformed", `it refused a question about changes with ${status}`);
}

function assertNotFound(body: Json): undefined {
  if (errorCode(body) !== "Request_ResourceNotFound")
    throw new ProviderFailure(
      "malformed",
      "it answered 404 in words that are not Microsoft Graph's: check its address",
    );
}

function errorCode(body: Json): string {
  const code = readObject(readObject(body, "an error")["error"], "error")["code"];
  return typeof code === "string" ? code : "";
}

function readGraphPage({ body }: Answer): {
  readonly items: readonly Json[];
  readonly next: string | undefined;
  readonly delta: string | undefined;
} {
  const page = readObject(body, "a page");
  const link = (name: string): string | undefined => {
    const text = readOptionalText(page[name], name);
    if (text !== undefined && !URL.canParse(text)) throw new ProviderFailure("malformed", `${name} is no URL`);
    return text;
  };
  return { items: readList(page["value"], "value"), next: link("@odata.nextLink"), delta: link("@odata.deltaLink") };
}

function readUser(value: Json): ProviderUser {
  const user: JsonObject = readObject(value, "a user");
  const id = readText(user["id"], "id");
  const text = (name: string): string | undefined => readOptionalText(user[name], name);
  const texts = (name: string): readonly string[] =>
    user[name] === undefined || user[name] === null ? [] : readList(user[name], name).map((one) => readText(one, name));
  return {
    id,
    attributes: userAttributes({
      externalId: id,
      userName: readText(user["userPrincipalName"], "userPrincipalName"),
      active: readFlag(user["accountEnabled"], "accountEnabled"),
      displayName: text("displayName"),
      title: text("jobTitle"),
      userType: text("userType"),
      preferredLanguage: text("preferredLanguage"),
      name: {
        givenName: text("givenName"),
        familyName: text("surname"),
        middleName: undefined,
        formatted: undefined,
      },
      email: text("mail"),
      otherEmails: texts("otherMails"),
      phone: texts("businessPhones")[0],
      mobile: text("mobilePhone"),
      enterprise: {
        employeeNumber: text("employeeId"),
        costCenter: undefined,
        organization: text("companyName"),
        division: undefined,
        department: text("department"),
      },
    }),
  };
}
