import { type ApplicationEventKind, applicationEventKinds } from "./application-event.ts";
import type { JsonObject } from "./directory.ts";

/** What webhooks can be told of an alert. One that is told again, because it got worse or nobody has said that they saw it, is `alert.opened` again. */
const alertEventKinds = ["alert.opened", "alert.acknowledged", "alert.resolved"] as const;
export type AlertEventKind = (typeof alertEventKinds)[number];

/** What a webhook may ask for. Who asks for nothing in particular is told of users, as ever, and of no alert. */
export const webhookEventKinds = [...applicationEventKinds, ...alertEventKinds] as const;
export type WebhookEventKind = ApplicationEventKind | AlertEventKind;

/** One thing that became of an alert, as it stood then. */
export type AlertEvent = {
  readonly sequence: number;
  readonly kind: AlertEventKind;
  readonly alert: JsonObject;
  readonly happenedAt: Date;
  readonly createdAt: Date;
};
