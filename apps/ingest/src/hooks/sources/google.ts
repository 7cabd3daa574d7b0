import { DirectoryError, type SourceEventKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import type { HookDelivery, HookRequest, SourceAdapter } from "../source-adapter.ts";
import { told } from "../vendor-delivery.ts";
import { listOf, objectOf, readVendorJson, textOf } from "../vendor-json.ts";
import { isSecret, sameText, unverified } from "../verification.ts";

/** What each resource state says. Only a deletion says all there is to say; who was added or restored may be known as dead. */
const kinds: Readonly<Record<string, SourceEventKind>> = {
  add: "created",
  undelete: "created",
  update: "changed",
  makeAdmin: "changed",
  delete: "deleted",
};

/**
 * Google's push notifications of the Directory API. Everything but the user is in headers; the token is
 * the secret that the channel was made with, and no time is told.
 */
export const google: SourceAdapter = {
  receive: (request, source) => {
    const token = header(request, "x-goog-channel-token");
    const channel = header(request, "x-goog-channel-id");
    if (!isSecret(token, source.secrets) || channel === undefined) throw unverified();
    const state = header(request, "x-goog-resource-state");
    // The first message of a channel says only that there is one.
    if (state === "sync") return { kind: "handshake", answer: { status: 200 } };
    // One that was stopped, or that somebody else has made with what they have seen.
    if (!channelsOf(source).some((known) => sameText(known, channel))) throw unverified();
    return read(request, channel, state);
  },
};

function read(request: HookRequest, channel: string, state: string | undefined): HookDelivery {
  const kind = kinds[state ?? ""];
  if (kind === undefined)
    return {
      kind: "events",
      events: [],
      leftOut: [{ event: undefined, code: "ignored", detail: "it says nothing of a user" }],
    };
  // Numbers increase and leave some out. One that was heard is not heard again, and one that comes late is no less true.
  const number = header(request, "x-goog-message-number");
  if (number === undefined || !/^\d{1,18}$/.test(number))
    throw new DirectoryError("value_invalid", "X-Goog-Message-Number must be a number");
  const user = objectOf(readVendorJson(request.body));
  const id = textOf(user["id"]);
  const userName = textOf(user["primaryEmail"]);
  if (id === undefined && userName === undefined)
    throw new DirectoryError("value_invalid", "the body must name the user: id or primaryEmail");
  const event = { kind, subject: { id, userName }, occurredAt: undefined };
  return { kind: "events", events: [told(`${channel} ${number}`, event)] };
}

function channelsOf({ state }: OpenSource): readonly string[] {
  return listOf(state["channels"]).flatMap((channel) => textOf(objectOf(channel)["id"]) ?? []);
}

function header({ headers }: HookRequest, name: string): string | undefined {
  return headers[name]?.toString();
}
