import { createHmac } from "node:crypto";
import type { AlertEvent, ApplicationEvent } from "@rollcall/core/domain";
import type { Delivery } from "@rollcall/core/store";

export type WebhookMessage = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

/**
 * A message of Standard Webhooks 1.0, signed with every secret that is alive, so that a receiver may
 * take the new one at any moment of a rotation. Undefined for what no webhook is told.
 */
export function webhookMessage(
  tenantId: string,
  { id, event, alert }: Delivery,
  secrets: readonly string[],
  now: Date,
): WebhookMessage | undefined {
  const told = event ?? alert;
  if (told === undefined) return undefined;
  const body = JSON.stringify({
    type: told.kind,
    timestamp: told.createdAt.toISOString(),
    data: "alert" in told ? alertDataOf(tenantId, told) : dataOf(tenantId, told),
  });
  const messageId = `msg_${id}`;
  const timestamp = String(Math.floor(now.getTime() / 1_000));
  return {
    headers: {
      "content-type": "application/json",
      "webhook-id": messageId,
      "webhook-timestamp": timestamp,
      "webhook-signature": secrets.map((secret) => sign(secret, `${messageId}.${timestamp}.${body}`)).join(" "),
    },
    body,
  };
}

/** Ids, times and a reason: whoever needs more asks for it, and a copy of the message names nobody. */
function dataOf(tenantId: string, event: ApplicationEvent): object {
  return {
    tenantId,
    userId: event.userId,
    iss: event.iss,
    sub: event.sub,
    session: event.session,
    newSub: event.newSub,
    reason: event.reason,
    occurredAt: event.happenedAt.toISOString(),
    cause: event.cause,
    sequence: event.sequence,
  };
}

/** What the alert is about, in the words of its kind: names of things and figures, and of no person. */
function alertDataOf(tenantId: string, { alert, happenedAt, sequence }: AlertEvent): object {
  const { id, ...rest } = alert;
  return { tenantId, alertId: id, ...rest, occurredAt: happenedAt.toISOString(), sequence };
}

function sign(secret: string, signed: string): string {
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  return `v1,${createHmac("sha256", key).update(signed).digest("base64")}`;
}
