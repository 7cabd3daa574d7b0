import {
  decideSourceEvent,
  type JsonObject,
  type NamedUser,
  type SourceEvent,
  type UserAttributes,
} from "@rollcall/core/domain";

/** One event of a source that may come at any time after it happened, and says when that was; or does not. */
export type Said = {
  readonly kind: SourceEvent["kind"];
  /** `unsaid`: the sender tells no time; a number: as many seconds after the life began as it claims. */
  readonly at?: "unsaid" | number;
  readonly attributes?: JsonObject;
};

/** What the directory holds, with times in milliseconds. */
export type Held = {
  readonly attributes: UserAttributes;
  readonly deleted: boolean;
  readonly statedAtMs: number | undefined;
  readonly updatedAtMs: number;
};

const beganMs = Date.UTC(2026, 0, 1);
export const whole: UserAttributes = { userName: "ann", externalId: "ann", active: true };
/** As SCIM has left them, which tells no time. */
export const heldBefore: Held = { attributes: whole, deleted: false, statedAtMs: undefined, updatedAtMs: beganMs };

/** One event taken in, and written as the store writes it. `arrivedAfter` is the last that had happened by then. */
export function takeIn(held: Held, life: readonly Said[], index: number, arrivedAfter: number): Held {
  const said = life[index];
  if (said === undefined) throw new Error("nothing was said");
  const receivedAt = momentOf(arrivedAfter + 1.5);
  const event: SourceEvent = {
    id: String(index),
    kind: said.kind,
    subject: { userName: "ann" },
    occurredAt: said.at === "unsaid" ? undefined : momentOf(said.at ?? index + 1),
    attributes: said.attributes,
  };
  const { write, statedAt } = decideSourceEvent(event, userOf(held), receivedAt);
  const written = { ...held, statedAtMs: statedAt?.getTime(), updatedAtMs: receivedAt.getTime() };
  switch (write?.kind) {
    case "create":
      return { ...written, attributes: write.attributes, deleted: false };
    case "delete":
      return { ...written, deleted: true };
    case "attributes": {
      const isSame = write.attributes.active === held.attributes.active;
      return {
        ...written,
        attributes: write.attributes,
        statedAtMs: statedAt?.getTime() ?? (isSame ? held.statedAtMs : undefined),
      };
    }
    case "confirm":
      return { ...held, statedAtMs: statedAt?.getTime() ?? held.statedAtMs };
    case "end_sessions":
    case undefined:
      return held;
  }
}

export function isLetIn({ deleted, attributes }: Held): boolean {
  return !deleted && attributes.active;
}

function userOf({ attributes, deleted, statedAtMs, updatedAtMs }: Held): NamedUser {
  return {
    attributes,
    deleted,
    statedAt: statedAtMs === undefined ? undefined : new Date(statedAtMs),
    updatedAt: new Date(updatedAtMs),
  };
}

function momentOf(seconds: number): Date {
  return new Date(beganMs + (seconds + 1) * 1_000);
}
