import { createLocalJWKSet, type JWK, jwtVerify } from "jose";
import {
  type Gathering,
  type Person,
  type ProviderServer,
  type Reply,
  startProviderServer,
} from "./provider-server.ts";

export type OktaPerson = Person & { readonly status: string };

/** Okta's Users API, as an API token or a service app reaches it. */
export function startOktaServer(
  people: { users: readonly OktaPerson[]; groups?: readonly Gathering[] },
  credential: { readonly ssws: string } | { readonly clientId: string; readonly publicKey: JWK },
): Promise<ProviderServer> {
  let token = 0;
  const scope = people.groups === undefined ? "okta.users.read" : "okta.users.read okta.groups.read";
  return startProviderServer(async ({ url, authorization, form }, origin) => {
    if (url.pathname === "/oauth2/v1/token" && "clientId" in credential) {
      const assertion = form.get("client_assertion") ?? "";
      const options = {
        audience: `${origin}/oauth2/v1/token`,
        issuer: credential.clientId,
        subject: credential.clientId,
      };
      const keys = createLocalJWKSet({ keys: [credential.publicKey] });
      const isKnown = await jwtVerify(assertion, keys, options).then(
        () => form.get("grant_type") === "client_credentials" && form.get("scope") === scope,
        () => false,
      );
      if (!isKnown) return { status: 401, body: { error: "invalid_client", error_description: assertion } };
      token += 1;
      return {
        status: 200,
        body: { token_type: "Bearer", expires_in: 3600, access_token: `okta-${token}`, scope },
      };
    }
    const wanted = "ssws" in credential ? `SSWS ${credential.ssws}` : `Bearer okta-${token}`;
    if (authorization !== wanted) return oktaError(401, "E0000011", "Invalid token provided");
    if (url.pathname === "/api/v1/users") return list(people.users, url);
    const groupPath = /^\/api\/v1\/groups(?:\/([^/]+)\/users)?$/.exec(url.pathname);
    if (groupPath !== null) return listGroups(people, groupPath[1], url);
    const id = decodeURIComponent(url.pathname.replace("/api/v1/users/", ""));
    const user = people.users.find((one) => one.id === id);
    return user === undefined
      ? oktaError(404, "E0000007", `Not found: Resource not found: ${id} (User)`)
      : { status: 200, headers: budget, body: userBody(user) };
  });
}

const budget = { "x-rate-limit-limit": "600", "x-rate-limit-remaining": "599", "x-rate-limit-reset": "1735689660" };

function list(users: readonly OktaPerson[], url: URL): Reply {
  const filter = url.searchParams.get("filter");
  // Without a filter Okta leaves leavers out.
  const found = users.filter((user) => (filter === null ? user.status !== "DEPROVISIONED" : matches(user, filter)));
  return pageOf(found, userBody, url);
}

function listGroups(
  { users, groups = [] }: { readonly users: readonly OktaPerson[]; readonly groups?: readonly Gathering[] },
  groupId: string | undefined,
  url: URL,
): Reply {
  if (groupId === undefined)
    return pageOf(groups, ({ id, name }) => ({ id, type: "OKTA_GROUP", profile: { name, description: null } }), url);
  const group = groups.find(({ id }) => id === groupId);
  if (group === undefined) return oktaError(404, "E0000007", `Not found: Resource not found: ${groupId} (UserGroup)`);
  return pageOf(
    users.filter(({ id }) => group.members.includes(id)),
    userBody,
    url,
  );
}

function pageOf<One extends { readonly id: string }>(
  all: readonly One[],
  write: (one: One) => unknown,
  url: URL,
): Reply {
  const limit = Number(url.searchParams.get("limit") ?? 200);
  const after = url.searchParams.get("after");
  const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
  const page = all.slice(from, from + limit);
  const next = new URL(url);
  next.searchParams.set("after", page.at(-1)?.id ?? "");
  const links = [`<${url.href}>; rel="self"`, ...(from + limit < all.length ? [`<${next.href}>; rel="next"`] : [])];
  return { status: 200, headers: { ...budget, link: links.join(", ") }, body: page.map(write) };
}

function matches({ status, email }: OktaPerson, filter: string): boolean {
  return filter.split(" or ").some((term) => {
    const [, attribute, value] = /^(status|profile\.login|profile\.email) eq "(.*)"$/.exec(term) ?? [];
    return value === (attribute === "status" ? status : email);
  });
}

function userBody({ id, name, email, status }: OktaPerson) {
  return {
    id,
    status,
    created: "2025-01-02T03:04:05.000Z",
    lastUpdated: "2025-02-03T04:05:06.000Z",
    type: { id: "otyfnjfba4ye7pgjB0g4" },
    profile: {
      login: email,
      email,
      secondEmail: null,
      firstName: name,
      lastName: "Berg",
      mobilePhone: null,
      department: "Sales",
      employeeNumber: "4711",
    },
    credentials: { provider: { type: "OKTA", name: "OKTA" } },
    _links: {},
  };
}

function oktaError(status: number, errorCode: string, errorSummary: string): Reply {
  return { status, body: { errorCode, errorSummary, errorLink: errorCode, errorId: "oaeQ", errorCauses: [] } };
}
