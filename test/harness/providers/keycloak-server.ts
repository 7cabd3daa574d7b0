import { type Person, type ProviderServer, type Reply, startProviderServer } from "./provider-server.ts";

export type KeycloakRealm = {
  users: readonly Person[];
  /** Without view-users a client is shown an empty realm, and no refusal. */
  mayView: boolean;
};

export type KeycloakCredential = { readonly clientId: string; readonly secret: string };

/** One realm, "acme", of a Keycloak: its token endpoint and its admin API. */
export function startKeycloakServer(realm: KeycloakRealm, credential: KeycloakCredential): Promise<ProviderServer> {
  let token = 0;
  return startProviderServer(({ url, authorization, form }) => {
    if (url.pathname === "/realms/acme/protocol/openid-connect/token") {
      const isKnown = form.get("client_id") === credential.clientId && form.get("client_secret") === credential.secret;
      if (!isKnown)
        return {
          status: 401,
          body: { error: "unauthorized_client", error_description: "Invalid client or Invalid client credentials" },
        };
      token += 1;
      return { status: 200, body: { access_token: `keycloak-${token}`, expires_in: 300, token_type: "Bearer" } };
    }
    if (authorization !== `Bearer keycloak-${token}`) return { status: 401, body: { error: "HTTP 401 Unauthorized" } };
    const path = url.pathname.replace("/admin/realms/acme/users", "");
    if (path === url.pathname) return { status: 404, body: { error: "Realm not found." } };
    const seen = realm.mayView ? realm.users : [];
    if (path === "/count") return { status: 200, body: seen.length };
    if (path === "") return list(seen, url);
    if (!realm.mayView) return { status: 403, body: { error: "HTTP 403 Forbidden" } };
    const user = realm.users.find(({ id }) => path === `/${id}`);
    return user === undefined
      ? {
          status: 404,
          body: { error: "User not found", error_description: "For more on this error consult the server log." },
        }
      : { status: 200, body: userBody(user) };
  });
}

function list(users: readonly Person[], url: URL): Reply {
  const name = url.searchParams.get("username") ?? url.searchParams.get("email");
  const isExact = url.searchParams.get("exact") === "true";
  const found = users.filter(
    ({ email }) => name === null || (isExact ? email === name.toLowerCase() : email.includes(name.toLowerCase())),
  );
  const first = Number(url.searchParams.get("first") ?? 0);
  const max = Number(url.searchParams.get("max") ?? 100);
  return { status: 200, body: found.slice(first, first + max).map(userBody) };
}

function userBody({ id, name, email, active }: Person) {
  return {
    id,
    username: email,
    firstName: name,
    lastName: "Berg",
    email,
    emailVerified: true,
    enabled: active,
    createdTimestamp: 1767323045123,
    totp: false,
    attributes: { department: ["Sales"], locale: ["de"] },
    disableableCredentialTypes: [],
    requiredActions: [],
    notBefore: 0,
    access: { manage: false },
  };
}
