import type { AttributeTimes } from "./attribute-times.ts";
import type { Json, JsonObject, UserAttributes } from "./directory.ts";
import type { ReadBackRules } from "./provider-kinds.ts";
import type { NamedUser } from "./source-decision.ts";
import { isObject } from "./subject.ts";

/** What a provider says of one user: how they are, or that there is none by the id or by a name. */
export type ProviderAnswer =
  | { readonly kind: "found"; readonly id: string; readonly attributes: UserAttributes }
  | { readonly kind: "absent"; readonly by: "id" | "name" };

export type AskedQuestion = {
  /** The moment before it was asked, by our clock: what the answer says was so then or later. */
  readonly askedAt: Date;
  /** When the provider first said that there is no such user; undefined where it has not. */
  readonly absentSince: Date | undefined;
  /** How far apart two answers that there is no such user must lie. */
  readonly apartMs: number;
};

/** Whom an answer is about, as the directory has them while their row is locked. */
export type ReadUser = NamedUser & {
  readonly createdAt: Date;
  /** Whether anything was said of them since the question was asked. */
  readonly isNewer: boolean;
  /** Who has shut them out: SCIM, which speaks of this application, or somebody who speaks of the account. */
  readonly shutOutBy: "scim" | "other" | undefined;
};

export type ReadBackOutcome =
  | "written"
  | "created"
  | "deleted"
  | "unchanged"
  /** Something newer has been said; it is asked again. */
  | "stale"
  /** Nobody of that name is in the directory, and nobody is created. */
  | "unmatched"
  /** SCIM has shut them out, and by the rules SCIM alone lets them in. */
  | "withheld"
  /** There is no such user, as was said this once; it is asked again. */
  | "absent";

export type ReadBackDecision = {
  readonly write:
    | { readonly kind: "attributes" | "create"; readonly attributes: UserAttributes; readonly times: AttributeTimes }
    | { readonly kind: "delete" }
    /** It is so already, and was so when it was asked. */
    | { readonly kind: "confirm" }
    | undefined;
  readonly outcome: ReadBackOutcome;
  /** When it is to be asked once more, if at all. */
  readonly again: "soon" | "later" | undefined;
};

/** So long after a user was created here, a provider's replica may not know them yet. */
const youngMs = 120_000;

/**
 * Decides what an answer of the provider does, and touches nothing (docs/adr/0022). An answer is a
 * verified state of the moment of its question: it stands against everything older, and nothing that was
 * said since is undone by it. Whoever is said to be gone is shut out at once; a tombstone takes two answers.
 */
export function decideReadBack(
  answer: ProviderAnswer,
  user: ReadUser | undefined,
  question: AskedQuestion,
  rules: ReadBackRules,
): ReadBackDecision {
  if (user === undefined) return decideStranger(answer, question, rules);
  if (user.isNewer) return nothing("stale", "soon");
  if (answer.kind === "absent") return decideAbsence(answer, user, question);
  return user.deleted
    ? decideReturn(answer, user, question, rules)
    : decideState(answer.attributes, user, question, rules);
}

function decideStranger(
  answer: ProviderAnswer,
  { askedAt }: AskedQuestion,
  { creates, idAttribute }: ReadBackRules,
): ReadBackDecision {
  if (answer.kind === "absent" || !answer.attributes.active || !creates) return nothing("unmatched");
  const { externalId, ...rest } = answer.attributes;
  const attributes = idAttribute === "none" ? (rest as UserAttributes) : answer.attributes;
  const times = timesOf(attributes, askedAt);
  return { write: { kind: "create", attributes, times }, outcome: "created", again: undefined };
}

function decideAbsence(
  { by }: { readonly by: "id" | "name" },
  user: ReadUser,
  { askedAt, absentSince, apartMs }: AskedQuestion,
): ReadBackDecision {
  if (user.deleted) return nothing("unchanged");
  const isSaidTwice = absentSince !== undefined && askedAt.getTime() - absentSince.getTime() >= apartMs;
  // A name may have been taken from them: of the id alone it is sure that it never comes back.
  if (isSaidTwice && by === "id") return { write: { kind: "delete" }, outcome: "deleted", again: undefined };
  const again = isSaidTwice ? undefined : "later";
  if (!user.attributes.active)
    return { write: { kind: "confirm" }, outcome: isSaidTwice ? "unchanged" : "absent", again };
  const isYoung = !isSaidTwice && askedAt.getTime() - user.createdAt.getTime() < youngMs;
  if (isYoung) return nothing("absent", again);
  const attributes = { ...user.attributes, active: false };
  return { write: { kind: "attributes", attributes, times: user.attributeTimes ?? {} }, outcome: "absent", again };
}

/** The dead return where the provider says that the very same id lives, and where it may say so. */
function decideReturn(
  { id, attributes }: Extract<ProviderAnswer, { kind: "found" }>,
  user: ReadUser,
  { askedAt }: AskedQuestion,
  rules: ReadBackRules,
): ReadBackDecision {
  if (!attributes.active) return nothing("unchanged");
  const isSame = rules.idAttribute === "externalId" && user.attributes.externalId === id;
  if (!isSame || !mayLift(user, rules)) return nothing("withheld");
  const wanted = merged(user.attributes, attributes, rules);
  const times = timesOf(wanted, askedAt);
  return { write: { kind: "create", attributes: wanted, times }, outcome: "created", again: undefined };
}

function decideState(
  said: UserAttributes,
  user: ReadUser,
  { askedAt }: AskedQuestion,
  rules: ReadBackRules,
): ReadBackDecision {
  const wanted = merged(user.attributes, said, rules);
  const isWithheld = said.active && !user.attributes.active && !mayLift(user, rules);
  const attributes = isWithheld ? { ...wanted, active: false } : wanted;
  // What it says is as new as the question: an event from before it does not undo it, attribute by attribute.
  const times = { ...user.attributeTimes, ...(rules.takes === "all" ? timesOf(said, askedAt) : {}) };
  return {
    write: { kind: "attributes", attributes, times },
    outcome: isWithheld ? "withheld" : "written",
    again: undefined,
  };
}

function timesOf({ active: _active, ...said }: UserAttributes, at: Date): AttributeTimes {
  return Object.fromEntries(Object.keys(said).map((name) => [name, at.getTime()]));
}

/** Who was taken out of this application by SCIM has an account that lives on: that it lives says nothing of the application. */
function mayLift({ shutOutBy }: ReadUser, { lifts }: ReadBackRules): boolean {
  return lifts === "all" || shutOutBy !== "scim";
}

/** What the provider says counts whole; what it does not carry stays as it was. */
function merged(held: UserAttributes, said: UserAttributes, { takes, idAttribute }: ReadBackRules): UserAttributes {
  if (takes === "active") return { ...held, active: said.active };
  const { externalId: saidId, ...rest } = said;
  const entries = Object.entries(rest).map(([name, value]): [string, Json] => [name, mergedValue(held[name], value)]);
  const ownId = idAttribute === "externalId" && saidId !== undefined ? { externalId: saidId } : {};
  return { ...held, ...Object.fromEntries(entries), ...ownId, userName: said.userName, active: said.active };
}

function mergedValue(held: Json | undefined, said: Json): Json {
  // The same addresses in other words: SCIM's types and labels are not worth changing back and forth.
  if (Array.isArray(said) && Array.isArray(held) && isSameSet(valuesOf(held), valuesOf(said))) return held;
  if (isObject(said) && isObject(held)) return mergedObject(held, said);
  return said;
}

function mergedObject(held: JsonObject, said: JsonObject): JsonObject {
  return {
    ...held,
    ...Object.fromEntries(Object.entries(said).map(([name, value]) => [name, mergedValue(held[name], value)])),
  };
}

function valuesOf(values: readonly Json[]): readonly string[] {
  return values.map((one) => JSON.stringify(isObject(one) ? (one["value"] ?? null) : one));
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((value) => other.includes(value));
}

function nothing(outcome: ReadBackOutcome, again?: "soon" | "later"): ReadBackDecision {
  return { write: undefined, outcome, again };
}
