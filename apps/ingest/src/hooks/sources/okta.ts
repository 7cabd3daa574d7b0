import {
  DirectoryError,
  type Json,
  type JsonObject,
  type SourceEvent,
  type SourceEventKind,
} from "@rollcall/core/domain";
import { requireAuthorization } from "../authorization.ts";
import { timeOf } from "../reading.ts";
import type { HookDelivery, HookRequest, SourceAdapter } from "../source-adapter.ts";
import { deliveryOf, type Reading, told } from "../vendor-delivery.ts";
import { listOf, objectOf, readVendorJson, textOf } from "../vendor-json.ts";
import { unverified } from "../verification.ts";

/** The types that Okta offers to event hooks and that concern users. */
const kinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["user.lifecycle.create", "created"],
  ["user.lifecycle.activate", "enabled"],
  ["user.lifecycle.reactivate", "enabled"],
  ["user.lifecycle.unsuspend", "enabled"],
  ["user.lifecycle.suspend", "disabled"],
  ["user.lifecycle.deactivate", "disabled"],
  // That it is completed is offered to no hook.
  ["user.lifecycle.delete.initiated", "deleted"],
  ["user.account.update_profile", "changed"],
  ["user.session.clear", "sessions_ended"],
  ["user.session.end", "sessions_ended"],
  ["group.user_membership.add", "changed"],
  ["group.user_membership.remove", "changed"],
  ["group.lifecycle.delete", "changed"],
  ["group.profile.update", "changed"],
  ["application.user_membership.add", "changed"],
  ["application.user_membership.remove", "changed"],
  ["application.user_membership.update", "changed"],
]);

type Target = { readonly id: string; readonly type: string | undefined; readonly alternateId: string | undefined };

/** Okta event hooks: a fixed Authorization, several events at once, each with its own uuid. */
export const okta: SourceAdapter = {
  receive: (request, source) => {
    requireAuthorization(request, source);
    if (request.method === "GET") return handshake(request);
    const events = objectOf(objectOf(readVendorJson(request.body))["data"])["events"];
    if (!Array.isArray(events)) throw new DirectoryError("value_invalid", "data.events must be a list of events");
    const applicationId = textOf(source.settings["applicationId"]);
    return deliveryOf(
      events as readonly Json[],
      (event) => textOf(event["uuid"]),
      (event) => read(event, applicationId),
    );
  },
};

/** Asked once, when the hook is made: whoever answers owns the address. */
function handshake({ headers }: HookRequest): HookDelivery {
  const challenge = textOf(headers["x-okta-verification-challenge"]?.toString());
  if (challenge === undefined) throw unverified();
  const answer = {
    status: 200,
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ verification: challenge }),
  };
  return { kind: "handshake", answer };
}

function read(event: JsonObject, applicationId: string | undefined): Reading {
  const type = textOf(event["eventType"]);
  if (type === undefined) throw new DirectoryError("value_invalid", "an event must have an eventType");
  const kind = kinds.get(type);
  if (kind === undefined) return { ignored: "events of this type say nothing of users" };
  const result = objectOf(event["outcome"])["result"];
  if (typeof result === "string" && result !== "SUCCESS") return { ignored: "what it tells of did not succeed" };
  const targets = listOf(event["target"]).flatMap(targetsOf);
  const users = usersOf(type, event, targets);
  if (users.length === 0) {
    if (kind === "changed") return { ignored: "it names no user" };
    throw new DirectoryError("value_invalid", "target must name a user by type and id");
  }
  const uuid = textOf(event["uuid"]);
  const said = {
    ...(isTaken(type, applicationId, targets) ? taken : { kind }),
    occurredAt: timeOf(event["published"]),
  };
  return users.map(({ id, alternateId }) =>
    told(users.length === 1 || uuid === undefined ? uuid : `${uuid} ${id}`, {
      ...said,
      subject: { id, userName: alternateId },
    }),
  );
}

/** Of the application alone: the user stays active at Okta, so that asking Okta would let them in again. */
const taken: Pick<SourceEvent, "kind" | "attributes"> = { kind: "disabled", attributes: { active: false } };

function isTaken(type: string, applicationId: string | undefined, targets: readonly Target[]): boolean {
  return type === "application.user_membership.remove" && targets.some(({ id }) => id === applicationId);
}

/** Whoever signs out is the actor, and often nobody's target. */
function usersOf(type: string, event: JsonObject, targets: readonly Target[]): readonly Target[] {
  const named = targets.filter((target) => target.type === "User");
  return named.length === 0 && type === "user.session.end"
    ? targetsOf(event["actor"] ?? null).filter((actor) => actor.type === "User")
    : named;
}

function targetsOf(value: Json): readonly Target[] {
  const { id: given, type, alternateId } = objectOf(value);
  const id = textOf(given);
  const name = textOf(alternateId);
  // Okta's word for a login that it does not have any more.
  return id === undefined ? [] : [{ id, type: textOf(type), alternateId: name === "unknown" ? undefined : name }];
}
