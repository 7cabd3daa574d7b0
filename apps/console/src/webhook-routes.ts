import { randomBytes } from "node:crypto";
import { applicationEventKinds } from "@rollcall/core/domain";
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
import { type AdminDoor, adminOf, tenantOf } from "./admin-door.ts";
import { RequestInvalid } from "./refusal.ts";
import { idIn, read, text } from "./requests.ts";

/** So long the secret before signs too: whoever receives takes the new one at any moment of it. */
const overlapMs = 24 * 3_600_000;
const events = z.array(z.enum(applicationEventKinds)).min(1).max(applicationEventKinds.length);
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
  app.post("/tenants/:tenant/webhooks", async (request, reply) => {
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
    return reply
      .code(201)
      .header("cache-control", "no-store")
      .send({ ...webhook, secret });
  });
  app.patch("/tenants/:tenant/webhooks/:id", async (request) => {
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
    return updateSubscription(door.database, tenant.id, { of: "webhook" }, id, patch, credentialId);
  });
  app.post("/tenants/:tenant/webhooks/:id/rotate", async (request, reply) => {
    const tenant = await tenantOf(door, request);
    const id = idIn(request.params);
    read(noBody, request.body);
    const secret = newSecret();
    const formerUntil = new Date(door.now() + overlapMs);
    const rotation = { secret: sealSecret(key, id, secret), formerUntil };
    await rotateWebhookSecret(door.database, tenant.id, id, rotation, adminOf(request).credentialId);
    return reply.header("cache-control", "no-store").send({ id, secret, formerUntil });
  });
}

function assertReachable({ outward }: AdminDoor, url: string): void {
  const message = outward.refusalOf(url);
  if (message !== undefined) throw new RequestInvalid([{ at: "url", message }]);
}

/** Standard Webhooks: 24 to 64 random bytes. */
function newSecret(): string {
  return `whsec_${randomBytes(32).toString("base64")}`;
}
