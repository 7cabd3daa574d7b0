import { randomBytes } from "node:crypto";
import { applicationEventKinds, webhookEventKinds } from "@rollcall/core/domain";
import {
  createSubscription,
  rotateWebhookSecret,
  sealSecret,
  secretPurpose,
  type SubscriptionPatch,
  updateSubscription,
} from "@rollcall/core/store";
import type { FastifyInstance } from "fastify";
import { z } from "zod";
import { about } from "./about.ts";
import { type AdminDoor, adminOf, tenantOf } from "./admin-door.ts";
import { rotated, subscriptionShape } from "./answer-shapes.ts";
import { expectationOf, tagged } from "./entity-tag.ts";
import { RequestInvalid } from "./refusal.ts";
import { idIn, read, text } from "./requests.ts";

/** So long the secret before signs too: whoever receives takes the new one at any moment of it. */
const overlapMs = 24 * 3_600_000;
const events = z.array(z.enum(webhookEventKinds)).min(1).max(webhookEventKinds.length);
const newWebhook = z.strictObject({ url: text(2_048), events: events.optional(), description: text(500).optional() });
const webhookPatch = z.strictObject({
  url: text(2_048).optional(),
  events: events.optional(),
  description: text(500).optional(),
  status: z.enum(["enabled", "paused", "disabled"]).optional(),
});
const noBody = z.strictObject({});

/** What only webhooks have: they are the admin's to make and to change, and have secrets, shown once. */
export function webhookRoutes(app: FastifyInstance, door: AdminDoor): void {
  const key = door.credentials.keyFor(secretPurpose);
  app.post(
    "/tenants/:tenant/webhooks",
    about({
      role: "admin",
      summary: "Register a webhook; its secret is told this once",
      body: newWebhook,
      status: 201,
      answer: subscriptionShape.extend({ secret: z.string() }),
      tagged: true,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const body = read(newWebhook, request.body);
      assertReachable(door, body.url);
      const id = door.newId();
      const secret = newSecret();
      const webhook = await createSubscription(
        door.database,
        tenant.id,
        {
          id,
          kind: "webhook",
          url: body.url,
          description: body.description,
          events: body.events ?? applicationEventKinds,
          secret: sealSecret(key, id, secret),
        },
        adminOf(request).credentialId,
      );
      return tagged(reply, webhook)
        .code(201)
        .header("cache-control", "no-store")
        .send({ ...webhook, secret });
    },
  );
  change(app, door);
  rotation(app, door, key);
}

function change(app: FastifyInstance, door: AdminDoor): void {
  app.patch(
    "/tenants/:tenant/webhooks/:id",
    about({ role: "admin", summary: "Change a webhook", body: webhookPatch, answer: subscriptionShape, tagged: true }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const id = idIn(request.params);
      const { url, events: kinds, description, status } = read(webhookPatch, request.body);
      if (url !== undefined) assertReachable(door, url);
      const patch: SubscriptionPatch = {
        ...(url === undefined ? {} : { url }),
        ...(kinds === undefined ? {} : { events: kinds }),
        ...(description === undefined ? {} : { description }),
        ...(status === undefined ? {} : { status }),
      };
      const { credentialId } = adminOf(request);
      const scope = { of: "webhook" } as const;
      const webhook = await updateSubscription(
        door.database,
        tenant.id,
        scope,
        id,
        patch,
        credentialId,
        expectationOf(request),
      );
      return tagged(reply, webhook).send(webhook);
    },
  );
}

function rotation(app: FastifyInstance, door: AdminDoor, key: Buffer): void {
  app.post(
    "/tenants/:tenant/webhooks/:id/rotate",
    about({
      role: "admin",
      summary: "Replace a webhook's secret; the new one is told this once",
      body: noBody,
      answer: rotated,
    }),
    async (request, reply) => {
      const tenant = await tenantOf(door, request);
      const id = idIn(request.params);
      read(noBody, request.body);
      const secret = newSecret();
      const formerUntil = new Date(door.now() + overlapMs);
      const rotation = { secret: sealSecret(key, id, secret), formerUntil };
      await rotateWebhookSecret(door.database, tenant.id, id, rotation, adminOf(request).credentialId);
      return reply.header("cache-control", "no-store").send({ id, secret, formerUntil });
    },
  );
}

function assertReachable({ outward }: AdminDoor, url: string): void {
  const message = outward.refusalOf(url);
  if (message !== undefined) throw new RequestInvalid([{ at: "url", message }]);
}

/** Standard Webhooks: 24 to 64 random bytes. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}
