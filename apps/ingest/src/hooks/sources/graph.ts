import { DirectoryError, type JsonObject } from "@rollcall/core/domain";
import type { HookAnswer, HookRequest, LeftOut, SourceAdapter, ToldEvent } from "../source-adapter.ts";
import { told } from "../vendor-delivery.ts";
import { listOf, objectOf, readVendorJson, textOf } from "../vendor-json.ts";
import { isSecret, unverified } from "../verification.ts";

const validationTokenMax = 4_096;

/** Graph wants to be told within three seconds that it was heard, and calls that 202. */
const heard: HookAnswer = { status: 202 };

/**
 * Microsoft Graph's change notifications of users. They carry neither a signature nor a state nor a time:
 * what verifies them is the secret that the subscription was made with, and what they say is that somebody
 * has changed (`updated`, which is also what a soft deletion is) or is gone for good (`deleted`).
 */
export const graph: SourceAdapter = {
  receive: (request, { secrets }) => {
    const token = request.query.get("validationToken");
    if (token !== null) return { kind: "handshake", answer: handshake(token) };
    const items = listOf(objectOf(bodyOf(request))["value"]).map(objectOf);
    // Items of several subscriptions may share one delivery: each is believed for itself.
    const own = items.filter((item) => isSecret(textOf(item["clientState"]), secrets));
    if (own.length === 0) throw unverified();
    const leftOut = items
      .filter((item) => !own.includes(item))
      .map((): LeftOut => ({ event: undefined, code: "unauthenticated", detail: "an item could not be verified" }));
    const notices = own.flatMap((item) => textOf(item["lifecycleEvent"]) ?? []);
    const changes = own.filter((item) => item["lifecycleEvent"] === undefined).map((item) => read(item, request));
    const events = changes.flatMap((one) => ("payload" in one ? [one] : []));
    return {
      kind: "events",
      // Of one user and one kind of change, one is enough.
      events: [...new Map(events.map((one) => [one.event.id, one])).values()],
      leftOut: [...leftOut, ...changes.flatMap((one) => ("payload" in one ? [] : [one]))],
      hurries: notices.map((notice) => (notice === "reauthorizationRequired" ? "renewal" : "changes")),
      answer: heard,
    };
  },
};

/** Nothing but the token itself, as it is after decoding, and as plain text: whoever sends a link sees no page of ours. */
function handshake(token: string): HookAnswer {
  if (token === "" || token.length > validationTokenMax)
    throw new DirectoryError("value_invalid", `validationToken must have 1 to ${validationTokenMax} characters`);
  const headers = { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" };
  return { status: 200, headers, body: token };
}

function bodyOf({ body }: HookRequest) {
  try {
    return readVendorJson(body);
  } catch {
    // What says who sends it is in it.
    throw unverified();
  }
}

function read(item: JsonObject, { receivedAt }: HookRequest): ToldEvent | LeftOut {
  const resource = objectOf(item["resourceData"]);
  const id = textOf(resource["id"]) ?? /^users\/([^/]+)$/i.exec(textOf(item["resource"]) ?? "")?.[1];
  const change = textOf(item["changeType"]);
  if (id === undefined) return { event: undefined, code: "value_invalid", detail: "resourceData.id names nobody" };
  if (change !== "updated" && change !== "created" && change !== "deleted")
    return { event: undefined, code: "ignored", detail: "nothing has happened to a user" };
  // Graph has no id for it. A user changes again and again, so each delivery is a new one; asked twice is asked once.
  const key = [textOf(item["subscriptionId"]), id, change, receivedAt.toISOString()].join(" ");
  const kind = change === "deleted" ? "deleted" : "changed";
  return told(key, { kind, subject: { id }, occurredAt: undefined });
}
