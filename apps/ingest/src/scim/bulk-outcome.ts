import type { JsonObject } from "@rollcall/core/domain";
import type { BulkOperation, UnreadOperation } from "./bulk-request.ts";
import type { InnerAnswer } from "./inner-request.ts";
import { shownRefusal } from "./refusal.ts";
import type { ScimDoor } from "./scim-door.ts";
import { scimErrorBody, type ScimErrorBody } from "./scim-error.ts";

/** One operation's part of the answer (RFC 7644 §3.7.3). */
export type ShownOutcome = {
  readonly method?: string;
  readonly bulkId?: string;
  readonly version?: string;
  readonly location?: string;
  /** The HTTP status, as text. */
  readonly status: string;
  readonly response?: ScimErrorBody | JsonObject;
};

export type Outcome = {
  readonly hasFailed: boolean;
  /** The resource's id, where there is one. */
  readonly id: string | undefined;
  readonly shown: ShownOutcome;
};

/** What an inner request's answer says of its operation. Only of a failure its body is shown: the rest can be read. */
export function outcomeOf(door: ScimDoor, operation: BulkOperation, { status, headers, text }: InnerAnswer): Outcome {
  const hasFailed = status >= 400;
  const location = typeof headers["location"] === "string" ? headers["location"] : locationOf(door, operation);
  const version = headers["etag"];
  return {
    hasFailed,
    id: location?.split("/").at(-1),
    shown: {
      ...named(operation),
      ...(typeof version === "string" ? { version } : {}),
      ...(location === undefined ? {} : { location }),
      status: String(status),
      ...(hasFailed ? { response: errorIn(status, text) } : {}),
    },
  };
}

/** The outcome of an operation that was refused before it was sent, or failed in another way. */
export function failed(door: ScimDoor, operation: BulkOperation | UnreadOperation, reason: unknown): Outcome {
  const { status, body } = shownRefusal(reason);
  const location = "refusal" in operation ? undefined : locationOf(door, operation);
  const shown = {
    ...named(operation),
    ...(location === undefined ? {} : { location }),
    status: String(status),
    response: body,
  };
  return { hasFailed: true, id: undefined, shown };
}

function named({ method, bulkId }: BulkOperation | UnreadOperation): Pick<ShownOutcome, "method" | "bulkId"> {
  return { ...(method === undefined ? {} : { method }), ...(bulkId === undefined ? {} : { bulkId }) };
}

function locationOf({ locations }: ScimDoor, { type, id }: BulkOperation): string | undefined {
  return id === undefined || id.startsWith("bulkId:") ? undefined : `${locations.base}/${type}/${id}`;
}

function errorIn(status: number, text: string): ScimErrorBody | JsonObject {
  try {
    const body = JSON.parse(text) as JsonObject;
    if (Array.isArray(body["schemas"])) return body;
  } catch {
    // Not from a SCIM route, and so not in its words.
  }
  return scimErrorBody(status, "the operation was not answered as SCIM does; try again in a moment");
}
