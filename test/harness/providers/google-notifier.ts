import { type Asked, type Person, type ProviderServer, type Reply, startProviderServer } from "./provider-server.ts";

export type GoogleChannel = {
  readonly id: string;
  readonly token: string;
  readonly address: string;
  readonly resourceId: string;
  readonly event: string;
  number: number;
  stopped: boolean;
};

/** A Workspace account that tells of its users' changes on channels. */
export type GoogleAccount = {
  readonly server: ProviderServer;
  readonly channels: GoogleChannel[];
  users: readonly Person[];
  /** How long the next channels live. */
  livesMs: number;
};

/** Speaks as the Directory API does of channels; `reach` says where an address that it was given really is. */
export async function startGoogleAccount(reach: (url: string) => string): Promise<GoogleAccount> {
  const state: Pick<GoogleAccount, "users" | "livesMs"> & { readonly channels: GoogleChannel[] } = {
    users: [],
    livesMs: 6 * 3_600_000,
    channels: [],
  };
  const watch = async ({ url, text }: Asked): Promise<Reply> => {
    const { id, token, address, type } = JSON.parse(text) as GoogleChannel & { readonly type: string };
    const event = url.searchParams.get("event") ?? "";
    if (type !== "web_hook" || url.searchParams.get("customer") !== "my_customer")
      return googleError(400, "badRequest");
    if (state.channels.some((one) => one.id === id)) return googleError(400, "channelIdNotUnique");
    const channel = { id, token, address, event, resourceId: `resource-${event}`, number: 0, stopped: false };
    state.channels.push(channel);
    // The first message may be there before the answer is.
    await push(channel, "sync", undefined, reach);
    const expiration = String(Date.now() + state.livesMs);
    return {
      status: 200,
      body: { kind: "api#channel", id, resourceId: channel.resourceId, resourceUri: url.href, token, expiration },
    };
  };
  const stop = ({ text }: Asked): Reply => {
    const { id, resourceId } = JSON.parse(text) as { readonly id: string; readonly resourceId: string };
    const channel = state.channels.find((one) => one.id === id && one.resourceId === resourceId);
    if (channel === undefined) return googleError(404, "channelUnknown");
    channel.stopped = true;
    return { status: 204, body: "" };
  };
  const server = await startProviderServer((asked) => {
    const { pathname } = asked.url;
    if (pathname === "/token")
      return { status: 200, body: { access_token: "google", expires_in: 3599, token_type: "Bearer" } };
    if (asked.authorization !== "Bearer google") return googleError(401, "authError");
    if (pathname === "/admin/directory/v1/users/watch") return watch(asked);
    if (pathname === "/admin/directory_v1/channels/stop") return stop(asked);
    const key = decodeURIComponent(pathname.replace("/admin/directory/v1/users/", ""));
    const user = state.users.find(({ id, email }) => id === key || email === key);
    return user === undefined
      ? googleError(404, "notFound", "Resource Not Found: userKey")
      : { status: 200, body: userBody(user) };
  });
  return Object.assign(state, { server });
}

/** Sends a message on a channel, with the next of its numbers or with one that is named. */
export function push(
  channel: GoogleChannel,
  state: string,
  user: { readonly id: string; readonly primaryEmail: string } | undefined,
  reach: (url: string) => string,
  number?: number,
): Promise<Response> {
  // They increase and leave some out.
  if (number === undefined) channel.number += 3;
  return fetch(reach(channel.address), {
    method: "POST",
    headers: {
      "content-type": "application/json; charset=UTF-8",
      "x-goog-channel-id": channel.id,
      "x-goog-channel-token": channel.token,
      "x-goog-channel-expiration": new Date(Date.now() + 3_600_000).toUTCString(),
      "x-goog-resource-id": channel.resourceId,
      "x-goog-resource-uri": "https://admin.googleapis.com/admin/directory/v1/users?customer=my_customer&alt=json",
      "x-goog-resource-state": state,
      "x-goog-message-number": String(number ?? channel.number),
    },
    ...(user === undefined ? {} : { body: JSON.stringify({ kind: "admin#directory#user", etag: '"e"', ...user }) }),
  });
}

function userBody({ id, name, email, active }: Person) {
  return {
    kind: "admin#directory#user",
    id,
    primaryEmail: email,
    name: { fullName: name },
    suspended: !active,
    archived: false,
  };
}

function googleError(code: number, reason: string, message = "in words that change"): Reply {
  return { status: code, body: { error: { code, message, errors: [{ message, domain: "global", reason }] } } };
}
