import { randomUUID } from "node:crypto";
import { type Asked, type Person, type ProviderServer, type Reply, startProviderServer } from "./provider-server.ts";

export type GraphSubscription = {
  readonly id: string;
  readonly changeType: string;
  readonly notificationUrl: string;
  readonly lifecycleNotificationUrl: string;
  readonly resource: string;
  readonly clientState: string;
  expirationDateTime: string;
};

/** A tenant at Microsoft Graph that tells of its users' changes to whoever has subscribed. */
export type GraphTenant = {
  readonly server: ProviderServer;
  readonly subscriptions: Map<string, GraphSubscription>;
  users: readonly Person[];
  /** What a delta query answers next: who has changed, and who is gone. */
  changes: readonly { readonly id: string; readonly removed?: "changed" | "deleted" }[];
  /** What was answered to the handshakes. */
  readonly handshakes: { readonly status: number; readonly type: string | null; readonly text: string }[];
};

/** Speaks as Graph does of subscriptions; `reach` says where an address that it was given really is. */
export async function startGraphTenant(reach: (url: string) => string): Promise<GraphTenant> {
  const subscriptions = new Map<string, GraphSubscription>();
  const handshakes: { status: number; type: string | null; text: string }[] = [];
  const state: Pick<GraphTenant, "users" | "changes"> = { users: [], changes: [] };

  const subscribe = async ({ text }: Asked): Promise<Reply> => {
    const wanted = JSON.parse(text) as Omit<GraphSubscription, "id">;
    const isTooLong = Date.parse(wanted.expirationDateTime) > Date.now() + 41_760 * 60_000;
    if (isTooLong || wanted.clientState.length > 128) return graphError(400, "ExtensionError");
    const token = "Validation: Testing client application reachability & <b>more</b>+?";
    const answer = await fetch(`${reach(wanted.notificationUrl)}?validationToken=${encodeURIComponent(token)}`, {
      method: "POST",
    });
    const said = await answer.text();
    handshakes.push({ status: answer.status, type: answer.headers.get("content-type"), text: said });
    if (answer.status !== 200 || said !== token) return graphError(400, "ValidationError");
    const made = { ...wanted, id: randomUUID() };
    subscriptions.set(made.id, made);
    return { status: 201, body: { ...made, clientState: null } };
  };
  const answerSubscriptions = async (asked: Asked): Promise<Reply> => {
    const { method, url, text } = asked;
    const id = url.pathname.split("/")[3];
    if (id === undefined)
      return method === "POST"
        ? subscribe(asked)
        : { status: 200, body: { value: [...subscriptions.values()].map((one) => ({ ...one, clientState: null })) } };
    const held = subscriptions.get(id);
    if (held === undefined) return graphError(404, "ResourceNotFound");
    if (method === "DELETE") subscriptions.delete(id);
    else Object.assign(held, JSON.parse(text));
    return method === "DELETE" ? { status: 204, body: "" } : { status: 200, body: held };
  };
  const server = await startProviderServer(async (asked, origin) => {
    const { pathname } = asked.url;
    if (pathname.endsWith("/oauth2/v2.0/token"))
      return { status: 200, body: { token_type: "Bearer", expires_in: 3599, access_token: "graph" } };
    if (asked.authorization !== "Bearer graph") return graphError(401, "InvalidAuthenticationToken");
    if (pathname.startsWith("/v1.0/subscriptions")) return answerSubscriptions(asked);
    if (pathname === "/v1.0/users/delta") return delta(state.changes, asked, origin);
    if (pathname === "/v1.0/users") {
      const [, name] = /^userPrincipalName eq '(.*)'$/.exec(asked.url.searchParams.get("$filter") ?? "") ?? [];
      const found = state.users.filter(({ email }) => name === undefined || email === name);
      return { status: 200, body: { value: found.map(userBody) } };
    }
    const user = state.users.find(({ id }) => id === decodeURIComponent(pathname.replace("/v1.0/users/", "")));
    return user === undefined ? graphError(404, "Request_ResourceNotFound") : { status: 200, body: userBody(user) };
  });
  return Object.assign(state, { server, subscriptions, handshakes });
}

/** A delta's token says how many changes whoever holds it has heard of. */
function delta(changes: GraphTenant["changes"], { url }: Asked, origin: string): Reply {
  const token = url.searchParams.get("$deltatoken") ?? "0";
  const from = token === "latest" ? changes.length : Number(token);
  if (Number.isNaN(from)) return graphError(410, "resyncRequired");
  const value = changes
    .slice(from)
    .map(({ id, removed }) => (removed === undefined ? { id } : { id, "@removed": { reason: removed } }));
  const link = `${origin}/v1.0/users/delta?$deltatoken=${changes.length}`;
  return { status: 200, body: { "@odata.deltaLink": link, value } };
}

function userBody({ id, name, email, active }: Person) {
  return { id, userPrincipalName: email, accountEnabled: active, displayName: name, mail: email };
}

function graphError(status: number, code: string): Reply {
  return { status, body: { error: { code, message: "in words that change" } } };
}
