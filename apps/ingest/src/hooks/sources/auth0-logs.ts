import { DirectoryError, isObject, type Json, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import { requireAuthorization } from "../authorization.ts";
import { timeOf } from "../reading.ts";
import type { SourceAdapter } from "../source-adapter.ts";
import { deliveryOf, type Reading, told } from "../vendor-delivery.ts";
import { objectOf, parsedJson, textOf, vendorText } from "../vendor-json.ts";

/** Types whose `user_id` is the user whom they tell of. What limits an address (`limit_wc`) or fails says nothing of users. */
const kinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["sdu", "deleted"],
  ["du", "deleted"],
  ["ss", "created"],
  ["sce", "changed"],
  ["scu", "changed"],
  ["scpn", "changed"],
]);

/** Auth0 log streams: a fixed Authorization, and entries of the tenant's log as a list, as lines or alone. */
export const auth0Logs: SourceAdapter = {
  receive: (request, source) => {
    requireAuthorization(request, source);
    return deliveryOf(
      entriesOf(vendorText(request.body)),
      (entry) => idOf(entry, dataOf(entry)),
      (entry) => read(entry, dataOf(entry)),
    );
  },
};

function entriesOf(text: string): readonly Json[] {
  let whole: Json;
  try {
    whole = parsedJson(text);
  } catch (error) {
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    if (lines.length < 2) throw error;
    return lines.map(entryOf);
  }
  return Array.isArray(whole) ? (whole as readonly Json[]) : [whole];
}

/** A line that is none is no object, and refused as such; the lines beside it are read. */
function entryOf(line: string): Json {
  try {
    return parsedJson(line);
  } catch {
    return null;
  }
}

/** The older form had no envelope. */
function dataOf(entry: JsonObject): JsonObject {
  return isObject(entry["data"]) ? entry["data"] : entry;
}

function idOf(entry: JsonObject, data: JsonObject): string | undefined {
  return textOf(entry["log_id"]) ?? textOf(data["log_id"]) ?? textOf(data["_id"]);
}

function read(entry: JsonObject, data: JsonObject): Reading {
  const type = textOf(data["type"]);
  if (type === undefined) throw new DirectoryError("value_invalid", "an entry must have a type");
  const said = type === "sapi" ? requestOf(objectOf(data["details"])) : ofUser(type, data);
  if (said === undefined) return { ignored: "entries of this type say nothing of users" };
  if (said.id === undefined) throw new DirectoryError("value_invalid", "an entry of this type must name the user");
  const event = { kind: said.kind, subject: { id: said.id }, occurredAt: timeOf(data["date"]) };
  return [told(idOf(entry, data), event)];
}

type Said = { readonly kind: SourceEventKind; readonly id: string | undefined };

function ofUser(type: string, data: JsonObject): Said | undefined {
  const kind = kinds.get(type);
  return kind === undefined ? undefined : { kind, id: textOf(data["user_id"]) };
}

/**
 * What was asked of the Management API and done. The entry's own `user_id` is whoever asked, most
 * often an admin: whom it tells of stands in the path.
 */
function requestOf({ request: asked, response }: JsonObject): Said | undefined {
  const request = objectOf(asked);
  const { statusCode, body: answered } = objectOf(response);
  if (typeof statusCode === "number" && (statusCode < 200 || statusCode > 299)) return undefined;
  const method = textOf(request["method"])?.toLowerCase();
  const [, coded, rest] =
    /^\/api\/v2\/users(?:\/([^/?]+)(?:\/([^?]*))?)?(?:\?|$)/.exec(textOf(request["path"]) ?? "") ?? [];
  if (coded === undefined)
    return textOf(request["path"]) === "/api/v2/users" && method === "post"
      ? createdIn(textOf(objectOf(answered)["user_id"]))
      : undefined;
  const kind = rest === undefined || rest === "" ? kindOfChange(method, request["body"]) : kindOfPart(method, rest);
  return kind === undefined ? undefined : { kind, id: decoded(coded) };
}

/** The log may leave an answer out, and then nobody knows who was made. */
function createdIn(id: string | undefined): Said | undefined {
  return id === undefined ? undefined : { kind: "created", id };
}

function kindOfChange(method: string | undefined, body: Json | undefined): SourceEventKind | undefined {
  if (method === "delete") return "deleted";
  if (method !== "patch") return undefined;
  const { blocked } = objectOf(body);
  if (blocked === undefined || blocked === null) return "changed";
  return blocked === false ? "enabled" : "disabled";
}

function kindOfPart(method: string | undefined, part: string): SourceEventKind | undefined {
  if (method === "get") return undefined;
  const ends = (method === "delete" && part === "sessions") || (method === "post" && part === "revoke-access");
  return ends ? "sessions_ended" : "changed";
}

/** `auth0%7C507f…`, or as it is. */
function decoded(id: string): string | undefined {
  try {
    return textOf(decodeURIComponent(id));
  } catch {
    return undefined;
  }
}
