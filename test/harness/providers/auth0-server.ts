import { type Person, type ProviderServer, type Reply, startProviderServer } from "./provider-server.ts";

export type Auth0Person = Person & { readonly createdAt: string };
export type Auth0Credential = { readonly clientId: string; readonly secret: string };

/** Auth0's Management API and its token endpoint. It lists a thousand of a search, and no more. */
export function startAuth0Server(
  people: { users: readonly Auth0Person[] },
  credential: Auth0Credential,
): Promise<ProviderServer> {
  let token = 0;
  return startProviderServer(({ url, authorization, form }, origin) => {
    if (url.pathname === "/oauth/token") {
      const isKnown =
        form.get("client_id") === credential.clientId &&
        form.get("client_secret") === credential.secret &&
        form.get("audience") === `${origin}/api/v2/`;
      if (!isKnown) return { status: 401, body: { error: "access_denied", error_description: "Unauthorized" } };
      token += 1;
      return {
        status: 200,
        body: { access_token: `auth0-${token}`, expires_in: 86400, scope: "read:users", token_type: "Bearer" },
      };
    }
    if (authorization !== `Bearer auth0-${token}`) return auth0Error(401, "Unauthorized", "invalid_token");
    if (url.pathname === "/api/v2/users") return search(people.users, url);
    if (url.pathname === "/api/v2/users-by-email") {
      const email = url.searchParams.get("email");
      return { status: 200, body: people.users.filter((user) => user.email === email).map(userBody) };
    }
    const id = decodeURIComponent(url.pathname.replace("/api/v2/users/", ""));
    const user = people.users.find((one) => one.id === id);
    return user === undefined ? auth0Error(404, "Not Found", "inexistent_user") : { status: 200, body: userBody(user) };
  });
}

function search(users: readonly Auth0Person[], url: URL): Reply {
  const since = /^created_at:\["(.*)" TO \*\]$/.exec(url.searchParams.get("q") ?? "")?.[1] ?? "";
  const found = users
    .filter(({ createdAt }) => createdAt >= since)
    .toSorted((a, b) => a.createdAt.localeCompare(b.createdAt));
  const limit = Number(url.searchParams.get("per_page") ?? 50);
  const start = Number(url.searchParams.get("page") ?? 0) * limit;
  if (start + limit > 1_000) return auth0Error(400, "Bad Request", "invalid_paging");
  const page = found.slice(start, start + limit);
  return { status: 200, body: { start, limit, length: page.length, users: page.map(userBody), total: found.length } };
}

function userBody({ id, name, email, active, createdAt }: Auth0Person) {
  return {
    user_id: id,
    email,
    email_verified: true,
    name: `${name} Berg`,
    given_name: name,
    family_name: "Berg",
    nickname: name.toLowerCase(),
    created_at: createdAt,
    updated_at: createdAt,
    identities: [{ connection: "Username-Password-Authentication", provider: "auth0", isSocial: false }],
    ...(active ? {} : { blocked: true }),
  };
}

function auth0Error(statusCode: number, error: string, errorCode: string): Reply {
  return { status: statusCode, body: { statusCode, error, message: "in words that change", errorCode } };
}
