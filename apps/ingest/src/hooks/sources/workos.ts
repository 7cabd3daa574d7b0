import { DirectoryError, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { timeOf } from "../reading.ts";
import type { HookRequest, SourceAdapter } from "../source-adapter.ts";
import { userState } from "../user-state.ts";
import { deliveryOf, type Reading, told } from "../vendor-delivery.ts";
import { listOf, objectOf, readVendorJson, textOf } from "../vendor-json.ts";
import { hmacSha256, isSecret, requireFresh, unverified } from "../verification.ts";

/** What WorkOS' own libraries allow. */
const toleranceSec = 180;

const kinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["dsync.user.created", "created"],
  ["dsync.user.updated", "changed"],
  ["dsync.user.deleted", "deleted"],
  // Groups are told of by SCIM or read back; of their members these say that something changed.
  ["dsync.group.user_added", "changed"],
  ["dsync.group.user_removed", "changed"],
]);

/** WorkOS Directory Sync: one signed event at a time, with the whole user. */
export const workos: SourceAdapter = {
  receive: (request, source) => {
    requireSignature(request, source);
    return deliveryOf(
      [readVendorJson(request.body)],
      ({ id }) => textOf(id),
      (event) => read(event, source),
    );
  },
};

/** `WorkOS-Signature: t=<milliseconds>, v1=<hex>` over `<t>.<body>`; the time is digits alone, so that the point parts them. */
function requireSignature({ headers, body, receivedAt }: HookRequest, { secrets }: OpenSource): void {
  const [, time, signature] =
    /^t=(\d{1,15}), ?v1=([0-9a-f]{64})$/.exec(headers["workos-signature"]?.toString() ?? "") ?? [];
  if (time === undefined || signature === undefined) throw unverified();
  requireFresh(Number(time), receivedAt, toleranceSec);
  const signed = Buffer.concat([Buffer.from(`${time}.`), body]);
  const expected = secrets.map((secret) => hmacSha256(secret, signed, "hex"));
  if (!isSecret(signature, expected)) throw unverified();
}

function read(event: JsonObject, source: OpenSource): Reading {
  const type = textOf(event["event"]);
  if (type === undefined) throw new DirectoryError("value_invalid", "an event must have an event type");
  const kind = kinds.get(type);
  if (kind === undefined) return { ignored: "events of this type say nothing of users" };
  const data = objectOf(event["data"]);
  const isMembership = type.startsWith("dsync.group.");
  const user = isMembership ? objectOf(data["user"]) : data;
  // One endpoint hears of every customer's directory.
  if ((textOf(data["directory_id"]) ?? textOf(user["directory_id"])) !== source.settings["directory"])
    return { ignored: "it is of another directory" };
  const [id, email, active] = [textOf(user["idp_id"]), emailsOf(user)[0], activeOf(user["state"])];
  const userName = textOf(user["username"]);
  if (id === undefined && userName === undefined && email === undefined)
    throw new DirectoryError("value_invalid", "data must name the user by idp_id, username or e-mail");
  const saysState = !isMembership || active === false;
  return [
    told(textOf(event["id"]), {
      ...(kind === "deleted" ? removal(source) : { kind, attributes: saysState ? stateOf(user, source) : undefined }),
      subject: { id, userName, email },
      occurredAt: timeOf(event["created_at"]),
    }),
  ];
}

/** WorkOS deletes whoever becomes inactive, unless it is told not to, and creates them anew when they return. */
function removal({ settings }: OpenSource): { readonly kind: SourceEventKind } {
  return { kind: settings["deletions"] === "disabled" ? "disabled" : "deleted" };
}

function stateOf(user: JsonObject, source: OpenSource): JsonObject {
  const custom = objectOf(user["custom_attributes"]);
  const emails = emailsOf(user);
  return userState(
    {
      id: textOf(user["idp_id"]),
      userName: textOf(user["username"]) ?? emails[0],
      active: activeOf(user["state"]),
      displayName: textOf(user["name"]),
      givenName: textOf(user["first_name"]),
      familyName: textOf(user["last_name"]),
      emails,
      title: textOf(user["job_title"]) ?? textOf(custom["job_title"]),
      enterprise: {
        department: textOf(custom["department_name"]),
        division: textOf(custom["division_name"]),
        costCenter: textOf(custom["cost_center_name"]),
      },
    },
    source,
  );
}

/** There were more states once, and none but `active` lets anybody in. */
function activeOf(state: Json | undefined): boolean | undefined {
  return state === undefined || state === null ? undefined : state === "active";
}

/** The primary one first; `email` alone is the newer form. */
function emailsOf(user: JsonObject): readonly string[] {
  const listed = listOf(user["emails"]).map(objectOf);
  const ordered = listed.toSorted((a, b) => Number(b["primary"] === true) - Number(a["primary"] === true));
  const values = [user["email"], ...ordered.map(({ value }) => value)].map(textOf);
  return [...new Set(values.filter((value) => value !== undefined))];
}
