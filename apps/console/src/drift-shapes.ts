import { driftKinds } from "@rollcall/core/domain";
import { z } from "zod";
import { moment, uuid } from "./answer-shapes.ts";
import { pageQueryOf } from "./requests.ts";

/** How many differences there are of each kind. */
export const foundCounts = z.record(z.enum(driftKinds), z.int());

/** One difference between the directory and the user store. */
export const difference = z.object({
  id: z.int(),
  runId: uuid,
  kind: z.enum(driftKinds),
  subjectKind: z.enum(["user", "group"]),
  subjectId: uuid,
  name: z.string().optional(),
  connection: z.string().optional(),
  directory: z.unknown(),
  userStore: z.unknown(),
  foundAt: moment,
  healedAt: moment.optional(),
});

const place = z.string().regex(/^[1-9]\d{0,15}$/, "must be what the page before answered as next");

export const driftQuery = z.strictObject({ ...pageQueryOf(place), kind: z.enum(driftKinds).optional() });
