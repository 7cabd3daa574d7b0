import {
  type Asked,
  type Gathering,
  type Person,
  type ProviderServer,
  type Reply,
  startProviderServer,
} from "./provider-server.ts";

/** A directory and what has happened in it: `removed` names who left, and how. */
export type GraphDirectory = {
  users: readonly Person[];
  groups?: readonly Gathering[];
  changes: readonly { readonly id: string; readonly removed?: "changed" | "deleted" }[];
  /** Marks older than this are no longer known. */
  forgottenBefore: number;
};

export type GraphCredential = { readonly tenant: string; readonly clientId: string; readonly secret: string };

/** Microsoft Graph's users with delta queries, and the token endpoint of Entra ID, on one host. */
export function startGraphServer(directory: GraphDirectory, credential: GraphCredential): Promise<ProviderServer> {
  let token = 0;
  return startProviderServer((asked, origin) => {
    const { url, authorization, form } = asked;
    if (url.pathname === `/${credential.tenant}/oauth2/v2.0/token`) {
      const isKnown =
        form.get("client_id") === credential.clientId &&
        form.get("client_secret") === credential.secret &&
        form.get("scope") === `${origin}/.default`;
      if (!isKnown)
        return {
          status: 401,
          body: { error: "invalid_client", error_description: `AADSTS7000215 ${form.get("client_secret")}` },
        };
      token += 1;
      return { status: 200, body: { token_type: "Bearer", expires_in: 3599, access_token: `graph-${token}` } };
    }
    if (authorization !== `Bearer graph-${token}`) return graphError(401, "InvalidAuthenticationToken");
    if (url.pathname === "/v1.0/users/delta") return delta(directory, asked, origin);
    if (url.pathname === "/v1.0/users") return list(directory.users, url);
    const groupPath = /^\/v1\.0\/groups(?:\/([^/]+)\/members)?$/.exec(url.pathname);
    if (groupPath !== null) return listGroups(directory, groupPath[1], url);
    const id = decodeURIComponent(url.pathname.replace("/v1.0/users/", ""));
    const user = directory.users.find((one) => one.id === id);
    return user === undefined
      ? graphError(404, "Request_ResourceNotFound")
      : { status: 200, body: { "@odata.context": `${origin}/v1.0/$metadata#users/$entity`, ...userBody(user) } };
  });
}

function list(users: readonly Person[], url: URL): Reply {
  const filter = /^(?:userPrincipalName|mail) eq '(.*)'$/.exec(url.searchParams.get("$filter") ?? "");
  const found = filter === null ? users : users.filter(({ email }) => email === filter[1]?.replaceAll("''", "'"));
  return pageOf(found, userBody, url);
}

/** Whatever is in a group and is nobody that the directory knows is a device. */
function listGroups({ users, groups = [] }: GraphDirectory, groupId: string | undefined, url: URL): Reply {
  if (groupId === undefined) return pageOf(groups, ({ id, name }) => ({ id, displayName: name }), url);
  const group = groups.find(({ id }) => id === groupId);
  if (group === undefined) return graphError(404, "Request_ResourceNotFound");
  const isIn = (all: readonly { readonly id: string }[], member: string): boolean =>
    all.some(({ id }) => id === member);
  const kindOf = (member: string): string => (isIn(users, member) ? "user" : isIn(groups, member) ? "group" : "device");
  return pageOf(group.members, (id) => ({ "@odata.type": `#microsoft.graph.${kindOf(id)}`, id }), url);
}

function pageOf<One>(all: readonly One[], write: (one: One) => unknown, url: URL): Reply {
  const top = Number(url.searchParams.get("$top") ?? 100);
  const from = Number(url.searchParams.get("$skiptoken") ?? 0);
  const next = new URL(url);
  next.searchParams.set("$skiptoken", String(from + top));
  return {
    status: 200,
    body: {
      "@odata.context": `${url.origin}/v1.0/$metadata#users`,
      ...(from + top < all.length ? { "@odata.nextLink": next.href } : {}),
      value: all.slice(from, from + top).map(write),
    },
  };
}

/** A delta has two changes to a page; its tokens say how many changes whoever holds them has heard of. */
function delta({ changes, forgottenBefore }: GraphDirectory, { url }: Asked, origin: string): Reply {
  const latest = url.searchParams.get("$deltatoken") === "latest";
  const from = latest
    ? changes.length
    : Number(url.searchParams.get("$skiptoken") ?? url.searchParams.get("$deltatoken") ?? 0);
  if (from < forgottenBefore)
    return from === 0 ? graphError(410, "resyncRequired") : graphError(400, "syncStateNotFound");
  const end = Math.min(from + 2, changes.length);
  const link = (name: string): string => `${origin}/v1.0/users/delta?${name}=${end}`;
  return {
    status: 200,
    body: {
      "@odata.context": `${origin}/v1.0/$metadata#users(id)`,
      ...(end < changes.length
        ? { "@odata.nextLink": link("$skiptoken") }
        : { "@odata.deltaLink": link("$deltatoken") }),
      value: changes
        .slice(from, end)
        .map(({ id, removed }) =>
          removed === undefined ? { id, jobTitle: "changed" } : { id, "@removed": { reason: removed } },
        ),
    },
  };
}

function userBody({ id, name, email, active }: Person) {
  return {
    id,
    userPrincipalName: email,
    accountEnabled: active,
    displayName: `${name} Berg`,
    givenName: name,
    surname: "Berg",
    mail: email,
    otherMails: [],
    businessPhones: ["+49 30 1234"],
    mobilePhone: null,
    jobTitle: null,
    userType: "Member",
    preferredLanguage: "de-DE",
    employeeId: "4711",
    department: "Sales",
    companyName: "Example",
  };
}

function graphError(status: number, code: string): Reply {
  return { status, body: { error: { code, message: "in words that change", innerError: { "request-id": "0b9c" } } } };
}
