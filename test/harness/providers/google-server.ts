import { type CryptoKey, jwtVerify } from "jose";
import {
  type Gathering,
  type Person,
  type ProviderServer,
  type Reply,
  startProviderServer,
} from "./provider-server.ts";

export type GoogleDirectory = { users: readonly Person[]; deleted: readonly Person[]; groups?: readonly Gathering[] };

export type GoogleCredential = {
  readonly publicKey: CryptoKey;
  readonly serviceAccount: string;
  readonly administrator: string;
};

/** Google's Directory API and its token endpoint, on one host. */
export function startGoogleServer(directory: GoogleDirectory, credential: GoogleCredential): Promise<ProviderServer> {
  let token = 0;
  const root = "https://www.googleapis.com/auth/admin.directory";
  const scope = `${directory.groups === undefined ? "" : `${root}.group.readonly `}${root}.user.readonly`;
  return startProviderServer(async ({ url, authorization, form }, origin) => {
    if (url.pathname === "/token") {
      const assertion = form.get("assertion") ?? "";
      const isKnown = await jwtVerify(assertion, credential.publicKey, {
        audience: `${origin}/token`,
        issuer: credential.serviceAccount,
        subject: credential.administrator,
      }).then(
        ({ payload }) => payload["scope"] === scope,
        () => false,
      );
      if (!isKnown) return { status: 400, body: { error: "invalid_grant", error_description: assertion } };
      token += 1;
      return { status: 200, body: { access_token: `google-${token}`, expires_in: 3599, token_type: "Bearer" } };
    }
    if (authorization !== `Bearer google-${token}`) return googleError(401, "authError", "Invalid Credentials");
    if (url.pathname === "/admin/directory/v1/users") return list(directory, url);
    const groupPath = /^\/admin\/directory\/v1\/groups(?:\/([^/]+)\/members)?$/.exec(url.pathname);
    if (groupPath !== null) return listGroups(directory, groupPath[1], url);
    const key = decodeURIComponent(url.pathname.replace("/admin/directory/v1/users/", "")).toLowerCase();
    const user = directory.users.find(({ id, email, name }) => [id, email, aliasOf(name)].includes(key));
    return user === undefined
      ? googleError(404, "notFound", "Resource Not Found: userKey")
      : { status: 200, body: userBody(user) };
  });
}

function list({ users, deleted }: GoogleDirectory, url: URL): Reply {
  if (url.searchParams.get("customer") !== "my_customer") return googleError(400, "badRequest", "Bad Request");
  const found = url.searchParams.get("showDeleted") === "true" ? deleted : users;
  return pageOf("users", found, userBody, url);
}

/** A member "everybody" is the whole account; others of another name are groups. */
function listGroups({ users, groups = [] }: GoogleDirectory, groupId: string | undefined, url: URL): Reply {
  if (groupId === undefined)
    return pageOf(
      "groups",
      groups,
      ({ id, name }) => ({ kind: "admin#directory#group", id, name, email: `${id}@example.com` }),
      url,
    );
  const group = groups.find(({ id }) => id === groupId);
  if (group === undefined) return googleError(404, "notFound", "Resource Not Found: groupKey");
  const typeOf = (id: string): string =>
    users.some((user) => user.id === id) ? "USER" : id === "everybody" ? "CUSTOMER" : "GROUP";
  return pageOf(
    "members",
    group.members,
    (id) => ({ kind: "admin#directory#member", id, type: typeOf(id), role: "MEMBER" }),
    url,
  );
}

function pageOf<One>(name: string, all: readonly One[], write: (one: One) => unknown, url: URL): Reply {
  const from = Number(url.searchParams.get("pageToken") ?? 0);
  const end = from + Number(url.searchParams.get("maxResults") ?? 100);
  const page = all.slice(from, end);
  return {
    status: 200,
    body: {
      kind: `admin#directory#${name}`,
      etag: '"e"',
      ...(page.length === 0 ? {} : { [name]: page.map(write) }),
      ...(end < all.length ? { nextPageToken: String(end) } : {}),
    },
  };
}

function userBody({ id, name, email, active }: Person) {
  return {
    kind: "admin#directory#user",
    id,
    primaryEmail: email,
    name: { givenName: name, familyName: "Berg", fullName: `${name} Berg` },
    isAdmin: false,
    suspended: !active,
    archived: false,
    emails: [{ address: email, primary: true }, { address: aliasOf(name) }],
    aliases: [aliasOf(name)],
    organizations: [{ title: "Clerk", department: "Sales", primary: true }],
    externalIds: [{ value: "4711", type: "organization" }],
    phones: [{ value: "+49 30 1234", type: "work" }],
  };
}

function aliasOf(name: string): string {
  return `${name.toLowerCase()}@alias.example`;
}

function googleError(code: number, reason: string, message: string): Reply {
  return { status: code, body: { error: { code, message, errors: [{ message, domain: "global", reason }] } } };
}
