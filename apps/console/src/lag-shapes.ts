import { lagStages } from "@rollcall/core/domain";
import { z } from "zod";
import { moment, uuid } from "./answer-shapes.ts";

const ms = z.number().nonnegative();
const figures = { count: z.int(), p50Ms: ms.optional(), p99Ms: ms.optional(), maxMs: ms.optional() };
const stage = z.enum(lagStages);

/** What is left out of a stage is not known: nothing passed it, or nothing waits. */
export const lagShape = z.object({
  windowSec: z.int(),
  asOf: moment.optional(),
  stages: z.record(stage, z.object({ ...figures, unknown: z.int(), oldestWaitingMs: ms.optional() })),
  occurredUnknown: z.int(),
  backlog: z.object({
    waiting: z.int(),
    waitingDenials: z.int(),
    oldestWaitingMs: ms.optional(),
    deadLetters: z.int(),
    pendingPublication: z.int(),
    notYetEnforced: z.int(),
  }),
});

export const lagHistoryShape = z.object({
  stepSec: z.int(),
  points: z.array(
    z.object({
      at: moment,
      stages: z.record(stage, z.object(figures)),
      occurredUnknown: z.int(),
      enforcedUnknown: z.int(),
    }),
  ),
});

export const objectiveShape = z.object({ stage, p99Ms: z.int(), share: z.number(), isDefault: z.boolean() });

export const overviewShape = z.object({
  people: z.object({ shutOut: z.int(), admitted: z.int(), countedAt: moment }),
  leaversToday: z.object({
    count: z.int(),
    enforced: z.int(),
    p50Ms: ms.optional(),
    p99Ms: ms.optional(),
    slowestMs: ms.optional(),
    notYetEnforced: z.int(),
    unknown: z.int(),
  }),
  joinersToday: z.object({ count: z.int(), applied: z.int() }),
  lag: z.record(
    stage,
    z.object({ p99Ms: ms.optional(), objectiveMs: z.int(), state: z.enum(["ok", "late", "unknown"]) }),
  ),
  openAlerts: z.int(),
  waiting: z.int(),
  deadLetters: z.int(),
  gateways: z.object({ following: z.int(), blind: z.int() }),
  connections: z.array(z.object({ slug: z.string(), lastEventAt: moment.nullable(), silent: z.boolean().optional() })),
});

export const alertShape = z.object({
  id: uuid,
  kind: z.string(),
  subjectId: uuid.nullable(),
  key: z.string().nullable(),
  level: z.union([z.literal(1), z.literal(2)]),
  detail: z.json(),
  raisedAt: moment,
  toldAt: moment,
  acknowledgedAt: moment.nullable(),
  acknowledgedBy: z.string().nullable(),
  note: z.string().nullable(),
  resolvedAt: moment.nullable(),
});
