import {
  type Asked,
  type Gathering,
  type Person,
  type ProviderServer,
  type Reply,
  startProviderServer,
} from "./provider-server.ts";

const listResponse = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error";

export type ScimPeople = {
  users: readonly Person[];
  groups: readonly Gathering[];
};

/** A SCIM service provider (RFC 7644 §3.4) under /scim/v2, that pages by cursor (RFC 9865) where it is to. */
export function startScimServer(
  people: ScimPeople,
  secret: string,
  paging: "index" | "cursor",
): Promise<ProviderServer> {
  return startProviderServer((asked) => {
    if (asked.authorization !== `Bearer ${secret}`) return scimError(401, "not authorized");
    const path = asked.url.pathname.replace(/^\/scim\/v2\//, "");
    if (path === "ServiceProviderConfig") return { status: 200, body: configuration(paging) };
    if (path === "Users") return list(asked, people.users.map(userBody), paging);
    if (path === "Groups") return list(asked, people.groups.map(groupBody), paging);
    const user = people.users.find(({ id }) => path === `Users/${encodeURIComponent(id)}`);
    return user === undefined ? scimError(404, "not found") : { status: 200, body: userBody(user) };
  });
}

type Resource = ReturnType<typeof userBody> | ReturnType<typeof groupBody>;

function list({ url }: Asked, all: readonly Resource[], paging: "index" | "cursor"): Reply {
  const filter = /^(userName|emails\.value) eq "(.*)"$/.exec(url.searchParams.get("filter") ?? "");
  const found =
    filter === null
      ? all
      : all.filter((one) => JSON.stringify(one).toLowerCase().includes(`"${filter[2]?.toLowerCase()}"`));
  const count = Number(url.searchParams.get("count") ?? 100);
  const cursor = url.searchParams.get("cursor");
  const isCursor = cursor !== null && paging === "cursor";
  const from = isCursor
    ? Number(Buffer.from(cursor, "base64url").toString() || 0)
    : Number(url.searchParams.get("startIndex") ?? 1) - 1;
  const page = found.slice(from, from + count);
  const next = from + count < found.length ? Buffer.from(String(from + count)).toString("base64url") : undefined;
  return {
    status: 200,
    headers: { "content-type": "application/scim+json" },
    body: {
      schemas: [listResponse],
      totalResults: found.length,
      itemsPerPage: page.length,
      ...(isCursor ? (next === undefined ? {} : { nextCursor: next }) : { startIndex: from + 1 }),
      Resources: page,
    },
  };
}

function userBody({ id, name, email, active }: Person) {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    id,
    externalId: `outer-${id}`,
    userName: email,
    displayName: name,
    name: { givenName: name, familyName: "Berg" },
    emails: [
      { value: `${name}@home.example`.toLowerCase(), type: "home" },
      { value: email, type: "work", primary: true },
    ],
    active,
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
      department: "Sales",
      manager: { value: "boss", displayName: "Boss" },
    },
    meta: { resourceType: "User" },
  };
}

function groupBody({ id, name, members }: Gathering) {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    id,
    displayName: name,
    ...(members.length === 0 ? {} : { members: members.map((value) => ({ value, type: "User" })) }),
    meta: { resourceType: "Group" },
  };
}

function configuration(paging: "index" | "cursor") {
  const schemas = ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"];
  const no = { supported: false };
  return {
    schemas,
    patch: no,
    bulk: { ...no, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults: 200 },
    changePassword: no,
    sort: no,
    etag: no,
    authenticationSchemes: [],
    ...(paging === "cursor" ? { pagination: { cursor: true, index: true, defaultPaginationMethod: "index" } } : {}),
  };
}

function scimError(status: number, detail: string): Reply {
  return { status, body: { schemas: [errorSchema], status: String(status), detail } };
}
