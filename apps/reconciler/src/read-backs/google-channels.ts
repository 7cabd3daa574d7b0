import { isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { ProviderFailure } from "../providers/provider.ts";
import { readObject, readText } from "../providers/reading.ts";
import { withQuery } from "../providers/with-query.ts";
import type { Kept, Subscribing } from "./source-upkeep.ts";

/** A channel tells of one kind of event. */
const events = ["add", "delete", "makeAdmin", "undelete", "update"] as const;
/** What is asked for; Google may give less, and says how much. */
const livesSec = 7 * 86_400;
/** So long the old channel goes on beside the new one. */
const overlapMs = 300_000;
const lookEveryMs = 12 * 3_600_000;

type Channel = {
  readonly id: string;
  readonly event: string;
  readonly secret: string;
  readonly madeAt: number;
  /** Undefined while nobody knows whether it was made. */
  readonly resourceId: string | undefined;
  readonly expiresAt: number;
};

/**
 * Keeps a channel for each kind of event. Google renews none: when half of one's life is over a new one is
 * made beside it, both are heard for a while, and then the old one is stopped.
 */
export async function keepGoogleChannels(subscribing: Subscribing, customer: string): Promise<Kept> {
  const { now } = subscribing;
  let channels = channelsIn(subscribing.state["channels"]);
  const keep = async (changed: readonly Channel[]): Promise<void> => {
    channels = changed;
    await subscribing.keep({ channels: changed.map(toJson) });
  };
  let mayHaveMissed = false;
  for (const event of events) {
    const own = currentOf(channels, event, subscribing);
    if (own !== undefined && !isAging(own, now())) continue;
    mayHaveMissed ||= own === undefined || own.expiresAt <= now();
    const begun: Channel = {
      id: subscribing.newId(),
      event,
      secret: subscribing.secretDigest,
      madeAt: now(),
      resourceId: undefined,
      expiresAt: now() + overlapMs,
    };
    // Before it is made: its first message may be here before its answer.
    await keep([...channels, begun]);
    const made = await create(subscribing, customer, begun);
    await keep(channels.map((one) => (one.id === made.id ? made : one)));
  }
  for (const old of channels.filter((one) => isDone(channels, one, subscribing))) {
    await stop(subscribing, old);
    await keep(channels.filter(({ id }) => id !== old.id));
  }
  const waits = channels.some((one) => isReplaced(channels, one, subscribing));
  const soonest = Math.min(...channels.map(({ madeAt, expiresAt }) => (madeAt + expiresAt) / 2)) - now();
  const nextMs = waits ? overlapMs : Math.max(Math.min(lookEveryMs, soonest), 60_000);
  return { nextMs, mayHaveMissed };
}

/** The newest that was made with the present secret. */
function currentOf(channels: readonly Channel[], event: string, { secretDigest }: Subscribing): Channel | undefined {
  return channels.findLast((one) => one.event === event && one.secret === secretDigest && one.resourceId !== undefined);
}

function isAging({ madeAt, expiresAt }: Channel, nowMs: number): boolean {
  return nowMs >= (madeAt + expiresAt) / 2;
}

function isReplaced(channels: readonly Channel[], one: Channel, subscribing: Subscribing): boolean {
  const current = currentOf(channels, one.event, subscribing);
  return current !== undefined && current.id !== one.id;
}

/** Whether its successor has been there for long enough, or it has ended by itself. */
function isDone(channels: readonly Channel[], one: Channel, subscribing: Subscribing): boolean {
  const current = currentOf(channels, one.event, subscribing);
  if (current === undefined || current.id === one.id) return false;
  return one.expiresAt <= subscribing.now() || subscribing.now() - current.madeAt >= overlapMs;
}

async function create(subscribing: Subscribing, customer: string, begun: Channel): Promise<Channel> {
  const { api, base, address, secret, signal } = subscribing;
  const url = withQuery(new URL("/admin/directory/v1/users/watch", base), { customer, event: begun.event });
  const body = { id: begun.id, type: "web_hook", address, token: secret, params: { ttl: String(livesSec) } };
  const answer = await api.send({ method: "POST", url, body }, signal);
  const made = readObject(answer.body, "a channel");
  const expiresAt = Number(readText(made["expiration"], "expiration"));
  if (!Number.isFinite(expiresAt)) throw new ProviderFailure("malformed", "expiration is no time");
  return { ...begun, resourceId: readText(made["resourceId"], "resourceId"), expiresAt };
}

async function stop({ api, base, signal, now }: Subscribing, { id, resourceId, expiresAt }: Channel): Promise<void> {
  if (resourceId === undefined || expiresAt <= now()) return;
  const url = new URL("/admin/directory_v1/channels/stop", base);
  await api.send({ method: "POST", url, body: { id, resourceId } }, signal, [204, 404]);
}

function channelsIn(state: Json | undefined): readonly Channel[] {
  if (!Array.isArray(state)) return [];
  return (state as readonly Json[]).flatMap((one): readonly Channel[] => {
    if (!isObject(one)) return [];
    const { id, event, secret, madeAt, resourceId, expiresAt } = one;
    if (typeof id !== "string" || typeof event !== "string" || typeof secret !== "string") return [];
    if (typeof madeAt !== "number" || typeof expiresAt !== "number") return [];
    return [
      { id, event, secret, madeAt, expiresAt, resourceId: typeof resourceId === "string" ? resourceId : undefined },
    ];
  });
}

function toJson({ resourceId, ...channel }: Channel): JsonObject {
  return { ...channel, ...(resourceId === undefined ? {} : { resourceId }) };
}
