import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { ProviderFailure } from "../providers/provider.ts";
import { readList, readObject, readText } from "../providers/reading.ts";
import type { Kept, Subscribing } from "./source-upkeep.ts";

/** Microsoft Graph lets a subscription to users live for 41,760 minutes at most. */
const livesMs = 41_000 * 60_000;
/** It is renewed far more often than it must be: so one that is gone is soon there again. */
const renewEveryMs = 12 * 3_600_000;

type Held = { readonly id: string; readonly secret: string };

/**
 * Keeps one subscription to the tenant's users. Renewing it is also how a lifecycle notice
 * (`reauthorizationRequired`) is answered; one that is gone, or that carries another secret, is made anew.
 */
export async function keepGraphSubscription(subscribing: Subscribing): Promise<Kept> {
  const held = heldIn(subscribing.state["subscription"]);
  const isOwn = held?.secret === subscribing.secretDigest;
  const renewed = isOwn ? await renew(subscribing, held.id) : undefined;
  const { id, expiresAt } = renewed ?? (await create(subscribing));
  await subscribing.keep({ subscription: { id, expiresAt, secret: subscribing.secretDigest } });
  if (renewed === undefined) await removeOthers(subscribing, id);
  const livesOnMs = Date.parse(expiresAt) - subscribing.now();
  return { nextMs: Math.max(Math.min(renewEveryMs, livesOnMs / 2), 60_000), mayHaveMissed: renewed === undefined };
}

type Subscription = { readonly id: string; readonly expiresAt: string };

/** Undefined where it is gone. */
async function renew(subscribing: Subscribing, id: string): Promise<Subscription | undefined> {
  const { api, signal } = subscribing;
  const url = at(subscribing, `/${encodeURIComponent(id)}`);
  const body = { expirationDateTime: expiration(subscribing) };
  const answer = await api.send({ method: "PATCH", url, body }, signal, [404]);
  return answer.status === 404 ? undefined : read(answer.body);
}

async function create(subscribing: Subscribing): Promise<Subscription> {
  const { api, signal, address, secret } = subscribing;
  const body = {
    changeType: "updated,deleted",
    notificationUrl: address,
    lifecycleNotificationUrl: address,
    resource: "users",
    expirationDateTime: expiration(subscribing),
    clientState: secret,
  };
  const { body: made } = await api.send({ method: "POST", url: at(subscribing), body }, signal, [201]);
  return read(made);
}

/** What was made before, or made twice because its answer was lost, would tell everything twice until it ends. */
async function removeOthers(subscribing: Subscribing, id: string): Promise<void> {
  const { api, signal, address } = subscribing;
  const { body } = await api.get(at(subscribing), signal);
  for (const one of readList(readObject(body, "the subscriptions")["value"], "value")) {
    const other = readObject(one, "a subscription");
    if (other["notificationUrl"] !== address || other["id"] === id) continue;
    const url = at(subscribing, `/${encodeURIComponent(readText(other["id"], "id"))}`);
    await api.send({ method: "DELETE", url }, signal, [204, 404]);
  }
}

function at({ base }: Subscribing, path = ""): URL {
  return new URL(`/v1.0/subscriptions${path}`, base);
}

function expiration({ now }: Subscribing): string {
  return new Date(now() + livesMs).toISOString();
}

function read(body: Json): Subscription {
  const made: JsonObject = readObject(body, "a subscription");
  const expiresAt = readText(made["expirationDateTime"], "expirationDateTime");
  if (Number.isNaN(Date.parse(expiresAt))) throw new ProviderFailure("malformed", "expirationDateTime is no time");
  return { id: readText(made["id"], "id"), expiresAt };
}

function heldIn(state: Json | undefined): Held | undefined {
  if (!isObject(state)) return undefined;
  const { id, secret } = state;
  return typeof id === "string" && typeof secret === "string" ? { id, secret } : undefined;
}
