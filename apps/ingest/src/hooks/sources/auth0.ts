import { DirectoryError, type JsonObject, type SourceEventKind } from "@rollcall/core/domain";
import type { OpenSource } from "@rollcall/core/store";
import { requireAuthorization } from "../authorization.ts";
import { timeOf } from "../reading.ts";
import type { SourceAdapter } from "../source-adapter.ts";
import { userState } from "../user-state.ts";
import { deliveryOf, type Reading, told } from "../vendor-delivery.ts";
import { listOf, objectOf, readVendorJson, textOf } from "../vendor-json.ts";

const kinds: ReadonlyMap<string, SourceEventKind> = new Map([
  ["user.created", "created"],
  ["user.updated", "changed"],
  ["user.deleted", "deleted"],
]);

/** Auth0 event streams: one CloudEvent at a time, with the whole user, behind a bearer token. */
export const auth0: SourceAdapter = {
  receive: (request, source) => {
    requireAuthorization(request, source);
    return deliveryOf(
      [readVendorJson(request.body)],
      ({ id }) => textOf(id),
      (event) => read(event, source),
    );
  },
};

function read(event: JsonObject, source: OpenSource): Reading {
  const type = textOf(event["type"]);
  if (type === undefined) throw new DirectoryError("value_invalid", "an event must have a type");
  // Auth0's documents write it in both ways.
  const kind = kinds.get(type.replace(/^com\.auth0\./, ""));
  if (kind === undefined) return { ignored: "events of this type say nothing of users" };
  if (event["a0purpose"] === "test") return { ignored: "it is a test" };
  const user = objectOf(objectOf(event["data"])["object"]);
  const id = textOf(user["user_id"]);
  if (id === undefined) throw new DirectoryError("value_invalid", "data.object must name the user by user_id");
  if (!isOurs(user, textOf(source.settings["connection"])))
    return { ignored: "the user is of another Auth0 connection" };
  return [
    told(textOf(event["id"]), {
      kind,
      subject: { id, userName: textOf(user["username"]), email: textOf(user["email"]) },
      occurredAt: timeOf(event["time"]),
      attributes: kind === "deleted" ? undefined : stateOf(kind, id, user, source),
    }),
  ];
}

/** An Auth0 tenant may hold the people of many. Whose identities it does not tell is not left out for it. */
function isOurs({ identities }: JsonObject, connection: string | undefined): boolean {
  return (
    connection === undefined ||
    !Array.isArray(identities) ||
    listOf(identities).some((identity) => objectOf(identity)["connection"] === connection)
  );
}

function stateOf(kind: SourceEventKind, id: string, user: JsonObject, source: OpenSource): JsonObject {
  const email = textOf(user["email"]);
  const userName = textOf(user["username"]) ?? email;
  return userState(
    {
      id,
      userName: kind === "created" ? (userName ?? id) : userName,
      active: activeOf(kind, user["blocked"]),
      displayName: textOf(user["name"]),
      givenName: textOf(user["given_name"]),
      familyName: textOf(user["family_name"]),
      emails: email === undefined ? [] : [email],
    },
    source,
  );
}

/** Whoever is new may enter unless blocked; of others silence says nothing, for it would lift what somebody else has said. */
function activeOf(kind: SourceEventKind, blocked: JsonObject[string] | undefined): boolean | undefined {
  if (blocked === undefined || blocked === null) return kind === "created" ? true : undefined;
  return blocked === false;
}
