import { type AttributeTimes, newerAttributes } from "./attribute-times.ts";
import type { JsonObject, UserAttributes } from "./directory.ts";
import type { SourceEvent } from "./source-event.ts";

/** What the directory says, while its row is locked, of whom a source's event names. */
export type NamedUser = {
  readonly attributes: UserAttributes;
  readonly deleted: boolean;
  /** When `active` was last stated by somebody who told the time, or read back: what was verified. */
  readonly statedAt: Date | undefined;
  /** When anything of it last changed, by our clock. */
  readonly updatedAt: Date;
  readonly attributeTimes?: AttributeTimes | undefined;
};

/** Why nothing was done, or what. One of these is kept with every event of a source. */
export type SourceOutcome =
  | "written"
  | "deleted"
  | "created"
  | "sessions_ended"
  /** What it says is so already. */
  | "unchanged"
  /** Something newer has been said. */
  | "stale"
  /** Nobody of that name is in the directory. */
  | "unmatched"
  /** Whoever it names was deleted; only a create brings them back. */
  | "tombstone"
  /** It says that something changed, and not what. */
  | "no_state"
  /** It would let somebody in, and does not say when it was so. */
  | "no_time"
  /** SCIM has shut them out, and by the source's settings SCIM alone lets them in. */
  | "withheld"
  /** Its attributes cannot be what it says, or the name is somebody else's. */
  | "refused";

export type SourceDecision = {
  /** What is to be written, if anything. */
  readonly write:
    | { readonly kind: "attributes" | "create"; readonly attributes: UserAttributes; readonly times: AttributeTimes }
    | { readonly kind: "delete" }
    | { readonly kind: "end_sessions"; readonly at: Date }
    /** Nothing changes but how new the present state is. */
    | { readonly kind: "confirm"; readonly times?: AttributeTimes }
    | undefined;
  readonly outcome: SourceOutcome;
  /** The moment that what was written speaks of; undefined where nobody knows it. */
  readonly statedAt: Date | undefined;
  /** Whether the provider, where it can be asked, is to be asked what is so now. */
  readonly readBack: boolean;
};

/**
 * Decides what a source's event does, and touches nothing (design §2).
 *
 * A denial is applied though it says nothing else, and though it may be old: only a state that was
 * verified later stands against it. Whoever is out is let in only by a statement that tells its time,
 * and which is later than whatever shut them out. Of two at the same moment the denial wins.
 */
export function decideSourceEvent(event: SourceEvent, user: NamedUser | undefined, receivedAt: Date): SourceDecision {
  // Ahead of our clock is the sender's mistake: dated in 2099, it would make every later word an old one.
  const at = event.occurredAt === undefined ? undefined : earlier(event.occurredAt, receivedAt);
  if (event.kind === "sessions_ended")
    return {
      write: { kind: "end_sessions", at: at ?? receivedAt },
      // Whoever is not in the directory may have tokens all the same.
      outcome: user === undefined && event.session === undefined ? "unmatched" : "sessions_ended",
      statedAt: at,
      readBack: false,
    };
  const denies = event.kind === "disabled" || event.kind === "deleted" || event.attributes?.["active"] === false;
  return denies ? decideDenial(event, user, at, receivedAt) : decideStatement(event, user, at);
}

/** Whether it would let in somebody who is out. */
export function isLifting({ write }: SourceDecision, user: NamedUser | undefined): boolean {
  if (user === undefined || (write?.kind !== "attributes" && write?.kind !== "create")) return false;
  return write.attributes.active && (user.deleted || !user.attributes.active);
}

/** The same event where it may let nobody in: what else it says of the living still counts. */
export function withheld(event: SourceEvent, user: NamedUser, receivedAt: Date): SourceDecision {
  if (user.deleted) return nothing("withheld", true);
  const { active: _active, ...attributes } = event.attributes ?? {};
  const decision = decideSourceEvent({ ...event, kind: "changed", attributes }, user, receivedAt);
  return { ...decision, outcome: "withheld", readBack: true };
}

function decideDenial(
  event: SourceEvent,
  user: NamedUser | undefined,
  at: Date | undefined,
  receivedAt: Date,
): SourceDecision {
  const isPing = event.attributes === undefined;
  // Nobody of that name to shut out; but a token may carry it, and would make somebody just in time.
  if (user === undefined)
    return {
      write: { kind: "end_sessions", at: receivedAt },
      outcome: "unmatched",
      statedAt: undefined,
      readBack: isPing,
    };
  // Kept with the tombstone: a create from before it must not bring them back.
  if (user.deleted)
    return {
      write: { kind: "confirm" },
      outcome: "unchanged",
      statedAt: later(at ?? receivedAt, user.statedAt),
      readBack: false,
    };
  const verified = user.attributes.active ? user.statedAt : undefined;
  if (at !== undefined && verified !== undefined && at < verified)
    return { ...write(user, event.attributes, at, "keep"), outcome: "stale", readBack: true };
  // Of a denial without a time we know that it was not later than this.
  const statedAt = later(at ?? receivedAt, user.statedAt);
  if (event.kind === "deleted") return { write: { kind: "delete" }, outcome: "deleted", statedAt, readBack: isPing };
  return { ...write(user, event.attributes, at, "deny"), statedAt, readBack: isPing };
}

function decideStatement(event: SourceEvent, user: NamedUser | undefined, at: Date | undefined): SourceDecision {
  const { attributes } = event;
  if (user === undefined) return decideStranger(event, at);
  if (user.deleted) {
    const returns = event.kind === "created" && at !== undefined && at > latestOf(user) && isWhole(attributes);
    // A ping may be of their return.
    if (!returns) return nothing("tombstone", event.kind === "created" || attributes === undefined);
    return create(attributes, at);
  }
  if (attributes === undefined && event.kind !== "enabled") return nothing("no_state", true);
  if (event.kind === "changed" && attributes?.["active"] !== true) return write(user, attributes, at, "keep");
  const enables = !user.attributes.active;
  if (at === undefined) return enables ? nothing("no_time", true) : write(user, attributes, at, "keep");
  // What shut them out may have been dated by our clock alone, and then only later than that is later.
  const isOld = enables ? at <= latestOf(user) : user.statedAt !== undefined && at < user.statedAt;
  if (isOld) return { ...write(user, attributes, at, "keep"), outcome: "stale", readBack: true };
  return { ...write(user, attributes, at, "admit"), statedAt: later(at, user.statedAt) };
}

function decideStranger({ kind, attributes }: SourceEvent, at: Date | undefined): SourceDecision {
  if (kind === "enabled" || !isWhole(attributes)) return nothing("unmatched", true);
  return at === undefined ? nothing("no_time", true) : create(attributes, at);
}

function create(attributes: UserAttributes, at: Date): SourceDecision {
  const times = Object.fromEntries(Object.keys(attributes).map((name) => [name, at.getTime()]));
  return { write: { kind: "create", attributes, times }, outcome: "created", statedAt: at, readBack: false };
}

/** What it says of the user is judged attribute by attribute, and apart from whether they may enter. */
function write(
  user: NamedUser,
  stated: JsonObject = {},
  at: Date | undefined,
  access: "admit" | "deny" | "keep",
): SourceDecision {
  const newer = newerAttributes(user.attributes, user.attributeTimes ?? {}, stated, at);
  const active = access === "keep" ? user.attributes.active : access === "admit";
  const attributes = merged(user.attributes, newer.attributes, active);
  // A change of anything but `active` verifies nothing: a denial from before it must not be old because of it.
  // Nor is whoever is out shut out any later by it.
  const statedAt = active ? undefined : latestOf(user);
  return {
    write: { kind: "attributes", attributes, times: newer.times },
    outcome: "written",
    statedAt,
    readBack: false,
  };
}

function nothing(outcome: SourceOutcome, readBack: boolean): SourceDecision {
  return { write: undefined, outcome, statedAt: undefined, readBack };
}

/** What a source does not speak of stays; `null` takes away. */
function merged(held: UserAttributes, stated: JsonObject, active: boolean): UserAttributes {
  const entries = Object.entries({ ...held, ...stated, active });
  return Object.fromEntries(entries.filter(([, value]) => value !== null)) as UserAttributes;
}

function isWhole(attributes: JsonObject | undefined): attributes is UserAttributes {
  return typeof attributes?.["userName"] === "string" && attributes["active"] === true;
}

function latestOf({ statedAt, updatedAt }: NamedUser): Date {
  return statedAt ?? updatedAt;
}

function earlier(a: Date, b: Date): Date {
  return a < b ? a : b;
}

function later(a: Date, b: Date | undefined): Date {
  return b === undefined || a > b ? a : b;
}
