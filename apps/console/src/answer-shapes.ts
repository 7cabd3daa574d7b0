import {
  adminRoles,
  connectionKinds,
  providerKindNames,
  sourceKindNames,
  webhookEventKinds,
} from "@rollcall/core/domain";
import { z } from "zod";

/** What routes answer, for the description of the API; a story holds every real answer against it. */
export const moment = z.iso.datetime();
export const uuid = z.uuid();
export const json = z.record(z.string(), z.unknown());

/** A page of a list. `next` asks for the page after it, and is left out on the last. */
export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), next: z.string().optional() });
}

export const roleShape = z.enum(adminRoles);

export const tenantShape = z.object({ id: uuid, slug: z.string(), name: z.string(), createdAt: moment });

const serviceMark = z.union([
  z.object({ claim: z.string(), equals: z.string() }),
  z.object({ claim: z.string(), prefix: z.string() }),
]);

/** Loose: who adds a setting adds it to what is sent as well. */
export const connectionShape = z.looseObject({
  id: uuid,
  tenantId: uuid,
  slug: z.string(),
  name: z.string(),
  kind: z.enum(connectionKinds),
  dialect: z.record(z.string(), z.string()),
  issuers: z.array(z.string()),
  audience: z.string().optional(),
  subjectClaim: z.string(),
  subjectRule: z.enum(["direct", "attribute", "federated"]),
  subjectAttribute: z.string(),
  subjectCompare: z.enum(["exact", "casefold"]),
  tokenLifetimeSec: z.int(),
  schemasVersion: z.int(),
  rates: z.record(z.string(), z.int()),
  justInTime: z
    .object({
      enabled: z.boolean(),
      claims: z.record(z.string(), z.string()),
      required: z.array(z.string()),
      match: z.record(z.string(), z.string()),
      services: z.array(serviceMark),
    })
    .optional(),
  pull: z.object({ everySec: z.int(), brakeShare: z.number(), brakeCount: z.int() }).optional(),
  pausedAt: moment.optional(),
});

/** With its dialect in words. */
export const connectionView = connectionShape.extend({
  rules: z.array(z.looseObject({})),
  granted: z.array(z.string()),
});

export const denialReasons = z.array(z.string());

export const userSummary = z.object({
  id: uuid,
  directoryUserId: uuid,
  connectionId: uuid,
  userName: z.string(),
  externalId: z.string().optional(),
  active: z.boolean(),
  deletedAt: moment.optional(),
  behind: z.boolean(),
  denials: denialReasons,
  linkedAt: moment.optional(),
});

const userEvent = z.object({
  id: z.int(),
  kind: z.string(),
  source: z.string(),
  directoryUserId: uuid,
  occurredAt: moment.nullable(),
  acceptedAt: moment,
  appliedAt: moment.nullable(),
  deadAt: moment.nullable(),
  attempts: z.int(),
  lastError: z.string().nullable(),
});

export const userHistory = z.object({
  id: uuid,
  userName: z.string().optional(),
  displayName: z.string().optional(),
  directory: z.array(userSummary),
  denials: z.array(z.object({ reason: z.string(), originId: uuid, note: z.string().nullable(), since: moment })),
  identities: z.array(
    z.object({
      iss: z.string(),
      sub: z.string(),
      alias: z.boolean(),
      directoryUserId: uuid,
      linkedAt: moment.nullable(),
    }),
  ),
  groups: z.array(z.object({ id: uuid, displayName: z.string() })),
  revocations: z.array(
    z.object({
      iss: z.string(),
      sub: z.string(),
      deny: z.boolean(),
      nbf: z.int().nullable(),
      reason: z.string(),
      appliedAt: moment,
    }),
  ),
  events: z.array(userEvent),
});

export const revocationOutcome = z.object({
  userId: uuid.optional(),
  issuerKnown: z.boolean(),
  changed: z.int(),
});

export const issuedToken = z.object({
  id: z.string(),
  token: z.string(),
  purpose: z.string(),
  label: z.string(),
});

export const credentialShape = z.object({
  id: z.string(),
  purpose: z.string(),
  connectionId: uuid.optional(),
  userId: uuid.optional(),
  hashed: z.boolean(),
  receiver: z.string().optional(),
  scopes: z.array(z.string()),
  role: roleShape.optional(),
  label: z.string(),
  createdAt: moment,
  expiresAt: moment.optional(),
  revokedAt: moment.optional(),
  lastUsedAt: moment.optional(),
});

export const subscriptionShape = z.object({
  id: uuid,
  kind: z.enum(["webhook", "push", "poll"]),
  receiver: z.string().nullable(),
  description: z.string().nullable(),
  url: z.string().nullable(),
  events: z.array(z.enum(webhookEventKinds)),
  requested: z.array(z.string()),
  status: z.enum(["enabled", "paused", "disabled"]),
  statusReason: z.string().nullable(),
  failures: z.int(),
  resumeAt: moment.nullable(),
  formerUntil: moment.nullable(),
  createdAt: moment,
  updatedAt: moment,
});

export const sourceShape = z.object({
  id: uuid,
  connectionId: uuid,
  kind: z.enum(sourceKindNames),
  name: z.string(),
  settings: json,
  status: z.enum(["enabled", "paused"]),
  formerUntil: moment.nullable(),
  lastError: z.string().nullable(),
  createdAt: moment,
  updatedAt: moment,
  /** Where its sender sends; one that we ask is given none. */
  url: z.string().optional(),
});

export const providerShape = z.object({
  connectionId: uuid,
  kind: z.enum(providerKindNames),
  settings: json,
  answeredAt: moment.nullable(),
  lastError: z.string().nullable(),
  failingSince: moment.nullable(),
  waiting: z.int(),
  updatedAt: moment,
});

/** A secret of ours, told once. */
export const rotated = z.object({ id: uuid, secret: z.string(), formerUntil: moment });
