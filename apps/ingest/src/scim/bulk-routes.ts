import { scheduler } from "node:timers/promises";
import { DirectoryError, type Json, type RequestKind } from "@rollcall/core/domain";
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest } from "fastify";
import { orderUnits, precedents } from "./bulk-order.ts";
import { type BulkOperation, bulkBytesMax, type BulkRequest, readBulkRequest } from "./bulk-request.ts";
import { runUnits } from "./bulk-run.ts";
import { idsIn, touchesOf } from "./bulk-touches.ts";
import { type BulkWork, workOn } from "./bulk-work.ts";
import { readJson } from "./json-text.ts";
import { RateLimited } from "./rate-limited.ts";
import { refuse } from "./refusal.ts";
import { kindOf } from "./request-kind.ts";
import { reword } from "./reword.ts";
import { answer, type Caller, callerOf, type ScimDoor } from "./scim-door.ts";

type BulkRoute = { Body: Json | undefined };

// More gains nothing: the commits of so many already share the disk.
const concurrency = 8;
const underWayMax = 8;
const busySec = 1;
const bodyTooLarge = new DirectoryError("body_too_large", `body is larger than ${bulkBytesMax} bytes (maxPayloadSize)`);

/** `/Bulk` (RFC 7644 §3.7): each operation is the same request through the same routes. */
export function bulkRoutes(door: ScimDoor): FastifyPluginAsync {
  const underWay = new Map<string, number>();
  return (app) => {
    app.setErrorHandler((error, request, reply) => refuse(isTooLarge(error) ? bodyTooLarge : error, request, reply));
    app.removeAllContentTypeParsers();
    // What is unsafe in one operation is that operation's fault, and its own request finds it.
    app.addContentTypeParser(
      "*",
      { parseAs: "buffer", bodyLimit: bulkBytesMax },
      async (_request: FastifyRequest, body: Buffer) => (body.length === 0 ? undefined : readJson(body)),
    );
    for (const url of ["/Bulk", "/Bulk/"]) {
      app.post<BulkRoute>(url, async (request, reply) => {
        const { connectionId } = callerOf(request);
        const others = underWay.get(connectionId) ?? 0;
        if (others >= underWayMax) throw new RateLimited("Bulks", busySec);
        underWay.set(connectionId, others + 1);
        try {
          return await answerBulk(app, door, request, reply);
        } finally {
          const left = (underWay.get(connectionId) ?? 1) - 1;
          if (left === 0) underWay.delete(connectionId);
          else underWay.set(connectionId, left);
        }
      });
    }
    return Promise.resolve();
  };
}

async function answerBulk(
  app: FastifyInstance,
  door: ScimDoor,
  request: FastifyRequest<BulkRoute>,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const caller = callerOf(request);
  const { operations, errorsMax } = readBulkRequest(request.body);
  // Reading a thousand operations takes its time; whoever came meanwhile is heard before the next step.
  await scheduler.yield();
  const shed = await admit(door, caller, operations);
  const readable = operations.map((operation) => ("refusal" in operation ? undefined : operation));
  const tried = readable.filter((operation) => operation !== undefined);
  const names = await door.resourceNames(caller.tenantId, caller.connectionId, idsIn(tried));
  const units = orderUnits(readable);
  const work: BulkWork = {
    app,
    door,
    request,
    caller,
    operations,
    shed: (operation) => (kindOfOperation(caller, operation) === "denials" ? undefined : shed),
    made: new Map(),
    outcomes: [],
  };
  const before = precedents(
    units,
    touchesOf(readable, (id) => names.get(id) ?? []),
  );
  await runUnits(units, before, { concurrency, errorsMax }, (unit) => workOn(work, unit));
  if (shed !== undefined) reply.header("retry-after", String(shed.retryAfterSec));
  return answer(reply, 200, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
    Operations: work.outcomes.flatMap((outcome) => outcome?.shown ?? []),
  });
}

/**
 * Takes the whole Bulk from the caller's budgets, or throws. Where nothing is left for ordinary
 * changes, those that take access away are still done, and the answer says why the others are not.
 */
async function admit(
  { admission }: ScimDoor,
  caller: Caller,
  operations: BulkRequest["operations"],
): Promise<RateLimited | undefined> {
  const denials = operations.filter(
    (operation) => !("refusal" in operation) && kindOfOperation(caller, operation) === "denials",
  ).length;
  await admission.take(caller, "denials", denials);
  try {
    await admission.take(caller, "writes", operations.length - denials);
    return undefined;
  } catch (error) {
    if (denials === 0 || !(error instanceof RateLimited)) throw error;
    return error;
  }
}

function kindOfOperation(caller: Caller, { method, type, id, data }: BulkOperation): RequestKind {
  return kindOf(caller, { method, type, id, body: data === undefined ? undefined : reworded(caller, data) });
}

function reworded({ profile }: Caller, data: Json): Json | undefined {
  try {
    return reword(profile, data);
  } catch (error) {
    if (error instanceof DirectoryError) return undefined;
    throw error;
  }
}

function isTooLarge(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "FST_ERR_CTP_BODY_TOO_LARGE";
}
