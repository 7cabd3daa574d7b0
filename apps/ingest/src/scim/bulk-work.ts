import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { readReference, replaceReferences, withoutReferences } from "./bulk-references.ts";
import type { BulkMethod, BulkOperation, UnreadOperation } from "./bulk-request.ts";
import type { Unit } from "./bulk-order.ts";
import { failed, type Outcome, outcomeOf } from "./bulk-outcome.ts";
import { sendInner } from "./inner-request.ts";
import { logFailure } from "./refusal.ts";
import type { Caller, ScimDoor } from "./scim-door.ts";

/** One Bulk while it is worked on. */
export type BulkWork = {
  readonly app: FastifyInstance;
  readonly door: ScimDoor;
  readonly request: FastifyRequest;
  readonly caller: Caller;
  readonly operations: readonly (BulkOperation | UnreadOperation)[];
  /** Why an operation is not tried now, though it could be. */
  readonly shed: (operation: BulkOperation) => DirectoryError | undefined;
  /** The ids of what this Bulk has created, by bulkId. */
  readonly made: Map<string, string>;
  /** What became of each operation; of those not worked on, nothing. */
  readonly outcomes: (Outcome | undefined)[];
};

/** How many operations may refer to each other in one circle: they are one transaction. */
const circleMax = 100;

/** Works on one unit and notes what became of it. Answers how many operations failed; throws nothing. */
export async function workOn(work: BulkWork, unit: Unit): Promise<number> {
  const outcomes = unit.isCircle
    ? await closeCircle(work, unit.members)
    : await Promise.all(unit.members.map((at) => workOnOne(work, at)));
  unit.members.forEach((at, nth) => {
    work.outcomes[at] = outcomes[nth];
  });
  return outcomes.filter(({ hasFailed }) => hasFailed).length;
}

async function workOnOne(work: BulkWork, at: number): Promise<Outcome> {
  const operation = readableAt(work, at);
  if ("refusal" in operation) return failed(work.door, operation, operation.refusal);
  const refusal = work.shed(operation) ?? unresolved(work, operation);
  if (refusal !== undefined) return failed(work.door, operation, refusal);
  return attempt(work, operation, operation.data, false);
}

/**
 * Creates what refers to each other in a circle (RFC 7644 §3.7.1): each without what is not there
 * yet, then each as it was sent. It is one transaction, so that a process that is killed in the middle leaves nothing.
 */
async function closeCircle(work: BulkWork, members: readonly number[]): Promise<readonly Outcome[]> {
  const operations = members.map((at) => readableAt(work, at));
  const broken = new Map<number, Outcome>();
  try {
    if (members.length > circleMax) {
      throw new DirectoryError(
        "reference_unresolved",
        `at most ${circleMax} operations may refer to each other in a circle`,
      );
    }
    const leave = await work.door.admission.turn(work.caller, "writes", true);
    try {
      return await work.door.together(work.caller.tenantId, () => inTwoRounds(work, operations, broken));
    } finally {
      leave();
    }
  } catch (error) {
    for (const { bulkId } of operations) if (bulkId !== undefined) work.made.delete(bulkId);
    const open = new DirectoryError(
      "reference_unresolved",
      "an operation that this one refers to, and that refers to it, failed",
    );
    const reason = broken.size > 0 ? open : error;
    logFailure(reason, work.request);
    return operations.map((operation, nth) => broken.get(nth) ?? failed(work.door, operation, reason));
  }
}

async function inTwoRounds(
  work: BulkWork,
  operations: readonly (BulkOperation | UnreadOperation)[],
  broken: Map<number, Outcome>,
): Promise<readonly Outcome[]> {
  const circle = new Set(operations.flatMap(({ bulkId }) => bulkId ?? []));
  const isMissing = (bulkId: string): boolean => circle.has(bulkId) && !work.made.has(bulkId);
  const outcomes: Outcome[] = [];
  const incomplete = new Set<number>();

  async function round(nth: number, operation: BulkOperation, data: JsonObject): Promise<void> {
    const outcome = await attempt(work, operation, data, true);
    if (outcome.hasFailed) {
      broken.set(nth, outcome);
      throw new DirectoryError("reference_unresolved", "the circle cannot be closed");
    }
    outcomes[nth] = merged(outcomes[nth], outcome);
  }
  for (const [nth, operation] of operations.entries()) {
    if ("refusal" in operation || !isObject(operation.data)) continue;
    const refusal = work.shed(operation) ?? unresolved(work, operation, circle);
    if (refusal !== undefined) {
      broken.set(nth, failed(work.door, operation, refusal));
      throw refusal;
    }
    if ([...operation.refersTo].some(isMissing)) incomplete.add(nth);
    await round(nth, operation, withoutReferences(operation.data, isMissing));
  }
  for (const nth of incomplete) {
    const operation = operations[nth];
    if (operation === undefined || "refusal" in operation || !isObject(operation.data)) continue;
    // The same data replaces what was created without its references: it is the whole resource.
    const whole = { ...operation, method: "PUT" as const, id: outcomes[nth]?.id };
    await round(nth, whole, operation.data);
  }
  return outcomes;
}

/** The operation is one creation, though it took a second step: it is answered as that, with the version it ended in. */
function merged(created: Outcome | undefined, outcome: Outcome): Outcome {
  const { version } = outcome.shown;
  return created === undefined || version === undefined
    ? outcome
    : { ...created, shown: { ...created.shown, version } };
}

async function attempt(
  work: BulkWork,
  operation: BulkOperation,
  data: Json | undefined,
  hasTurn: boolean,
): Promise<Outcome> {
  const { method, type, id, version, bulkId } = operation;
  const found = id === undefined ? undefined : (work.made.get(readReference(id) ?? "") ?? id);
  const isPlain = data === undefined || operation.refersTo.size === 0;
  const resolved = isPlain ? data : replaceReferences(data, (named) => work.made.get(named));
  try {
    const answer = await sendInner(
      work.app,
      work.request,
      { part: "bulk", caller: work.caller, hasTurn },
      {
        method,
        path: pathOf(method, type, found),
        headers: version === undefined ? {} : { "if-match": version },
        body: resolved === undefined ? undefined : JSON.stringify(resolved),
      },
    );
    const outcome = outcomeOf(work.door, { ...operation, id: found }, answer);
    if (method === "POST" && bulkId !== undefined && outcome.id !== undefined) work.made.set(bulkId, outcome.id);
    return outcome;
  } catch (error) {
    // The server closes, and takes no request any more, not even its own.
    work.request.log.warn(
      { errorName: error instanceof Error ? error.name : typeof error },
      "an operation was not sent",
    );
    return failed(work.door, operation, new DirectoryError("unavailable", "not tried: try again in a moment"));
  }
}

// What is answered with its edges is read with them, and nobody reads that here.
function pathOf(method: BulkMethod, type: string, id: string | undefined): string {
  if (method === "DELETE") return `/${type}/${id}`;
  return `/${type}${id === undefined ? "" : `/${id}`}?excludedAttributes=groups,members`;
}

/** Why the references of an operation lead nowhere; those within its circle are still open. */
function unresolved(
  { operations, made }: BulkWork,
  { refersTo }: BulkOperation,
  circle: ReadonlySet<string> = new Set(),
): DirectoryError | undefined {
  const open = [...refersTo].filter((bulkId) => !made.has(bulkId) && !circle.has(bulkId));
  if (open.length === 0) return undefined;
  const isPromised = (bulkId: string): boolean =>
    operations.some((other) => other.method === "POST" && other.bulkId === bulkId);
  return open.every(isPromised)
    ? new DirectoryError("reference_unresolved", "an operation that creates what this one refers to failed")
    : new DirectoryError("value_invalid", "bulkId: refers to what no operation of this Bulk creates");
}

function readableAt({ operations }: BulkWork, at: number): BulkOperation | UnreadOperation {
  const operation = operations[at];
  if (operation === undefined) throw new Error("a unit of another Bulk");
  return operation;
}
