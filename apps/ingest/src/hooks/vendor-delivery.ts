import { createHash } from "node:crypto";
import { DirectoryError, isObject, type Json, type JsonObject, type SourceEvent } from "@rollcall/core/domain";
import type { EventDelivery, LeftOut, ToldEvent } from "./source-adapter.ts";

/** What one event comes to: what it says, or why it says nothing to us. */
export type Reading = readonly ToldEvent[] | { readonly ignored: string };

/** A key of the database: what is longer is known by its digest. */
const idCharactersMax = 200;

/**
 * Reads each event of a delivery for itself. One that cannot be read takes no other with it: it is left
 * out, by its code, and whoever leaves in the next one is shut out.
 */
export function deliveryOf(
  elements: readonly Json[],
  nameOf: (element: JsonObject) => string | undefined,
  read: (element: JsonObject) => Reading,
): EventDelivery {
  const events: ToldEvent[] = [];
  const leftOut: LeftOut[] = [];
  for (const element of elements) {
    const event = isObject(element) ? nameOf(element) : undefined;
    const reading = attempt(element, read);
    if ("code" in reading) leftOut.push({ event, ...reading });
    else events.push(...reading);
  }
  return { kind: "events", events, leftOut };
}

function attempt(
  element: Json,
  read: (element: JsonObject) => Reading,
): readonly ToldEvent[] | Pick<LeftOut, "code" | "detail"> {
  try {
    if (!isObject(element)) throw new DirectoryError("syntax_invalid", "an event must be an object");
    const reading = read(element);
    return "ignored" in reading ? { code: "ignored", detail: reading.ignored } : reading;
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    return { code: error.code, detail: error.message };
  }
}

/** An event under its sender's own id. One without is known by what it says: it is not lost, and not done twice. */
export function told(id: string | undefined, event: Omit<SourceEvent, "id">): ToldEvent {
  const { occurredAt, ...rest } = event;
  const said = JSON.stringify({ ...rest, occurredAt: occurredAt?.toISOString() });
  return { event: { id: id === undefined ? digestOf(said) : shortened(id), ...event }, payload: said };
}

function shortened(id: string): string {
  return id.length <= idCharactersMax ? id : digestOf(id);
}

function digestOf(text: string): string {
  return `sha256-${createHash("sha256").update(text).digest("base64url")}`;
}
