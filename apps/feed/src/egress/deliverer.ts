import { retryAfterMs } from "@rollcall/core/domain";
import { AddressRefused, createBell, type Logger, type Outward } from "@rollcall/core/runtime";
import {
  claimDeliveries,
  type Database,
  type Delivery,
  type Destination,
  type Failure,
  settleDelivered,
  settleFailed,
  subscribe,
  subscriptionsDue,
} from "@rollcall/core/store";
import type { SetSigner } from "./security-event-token.ts";
import { verdictOf } from "./verdict.ts";
import { webhookMessage } from "./webhook-message.ts";

export type Deliverer = { close(): Promise<void> };

export type DelivererOptions = {
  readonly database: Database;
  readonly signer: SetSigner;
  readonly outward: Outward;
  /** Opens what subscriptions keep sealed. */
  readonly secretKey: Buffer;
  readonly log: Logger;
  readonly newId: () => string;
  /** How often to look without being told: notifications can be missed, and times come. */
  readonly pollMs?: number;
  /** How long one receiver may take to answer one message. */
  readonly timeoutMs?: number;
  /** How long to wait after each failure. */
  readonly scheduleSec?: readonly number[];
  /** How long a receiver that fails on and on is left alone at first. */
  readonly pauseMs?: number;
};

type Followed = { readonly id: string; readonly tenantId: string };
type Sender = DelivererOptions & {
  readonly timeoutMs: number;
  readonly pauseMs: number;
  readonly closing: AbortSignal;
};

/** One receiver's messages that are under way at once, and receivers that are. */
const perReceiverMax = 4;
const receiversMax = 128;
/** Longer than an answer is waited for: only what its sender lost comes back by it. */
const leaseMarginMs = 5_000;
const drainMsMax = 3_000;

/**
 * Sends what waits for webhooks and pushed streams. Any number of processes may: each message is
 * leased from the database to one of them, and is settled there only after its receiver has answered.
 * Each receiver has its own few places, so a slow one keeps nobody waiting but itself.
 */
export async function startDeliverer(options: DelivererOptions): Promise<Deliverer> {
  const { database, log, pollMs = 500, timeoutMs = 10_000, pauseMs = 1_000 } = options;
  const bell = createBell();
  const closing = new AbortController();
  const sender: Sender = { ...options, timeoutMs, pauseMs, closing: closing.signal };
  const busy = new Map<string, Promise<void>>();
  let closed = false;
  const subscription = await subscribe(database, "rollcall_egress", bell.ring, (error) =>
    log.warn({ err: error }, "the deliverer lost a connection"),
  );

  function begin(followed: Followed): void {
    if (busy.has(followed.id) || busy.size >= receiversMax) return;
    const sent = sendAll(sender, followed, () => !closed)
      .catch((error: unknown) => {
        log.error({ err: error }, "messages could not be sent and will be tried again");
        return 0;
      })
      .then((count) => {
        busy.delete(followed.id);
        // What came while its last messages were under way waits for no look-out. Where nothing could be
        // sent, what is due stands behind something that is not: ringing would go round and round.
        if (count > 0) bell.ring();
      });
    busy.set(followed.id, sent);
  }
  async function run(): Promise<void> {
    while (!closed) {
      const due = await subscriptionsDue(database).catch((error: unknown) => {
        log.error({ err: error }, "what is to be sent could not be read and will be looked for again");
        return [];
      });
      for (const followed of due) begin(followed);
      if (!closed) await bell.wait(pollMs);
    }
  }
  const running = run();
  return {
    close: async () => {
      closed = true;
      bell.ring();
      await running;
      // What is not answered by then is settled by nobody, and comes back with its lease.
      const patience = setTimeout(() => closing.abort(), drainMsMax);
      await Promise.all(busy.values());
      clearTimeout(patience);
      await subscription.close();
    },
  };
}

/** Sends until nothing can be sent, and answers how many attempts were made. */
async function sendAll(sender: Sender, { id, tenantId }: Followed, isOpen: () => boolean): Promise<number> {
  const leaseMs = sender.timeoutMs + leaseMarginMs;
  let count = 0;
  while (isOpen()) {
    const claim = await claimDeliveries(sender.database, tenantId, id, perReceiverMax, leaseMs, sender.secretKey);
    if (claim === undefined || claim.deliveries.length === 0) break;
    count += claim.deliveries.length;
    await Promise.all(claim.deliveries.map((delivery) => sendOne(sender, tenantId, id, claim.destination, delivery)));
  }
  return count;
}

async function sendOne(
  sender: Sender,
  tenantId: string,
  subscriptionId: string,
  destination: Destination,
  delivery: Delivery,
): Promise<void> {
  const { database } = sender;
  const outcome = await attempt(sender, tenantId, subscriptionId, destination, delivery);
  if (outcome === "abandoned") return;
  if (typeof outcome === "number") return settleDelivered(database, tenantId, subscriptionId, delivery.id, outcome);
  await settleFailed(database, tenantId, subscriptionId, delivery, outcome, sender.pauseMs, sender.newId);
}

/** The status with which it was taken, or how it failed. */
async function attempt(
  sender: Sender,
  tenantId: string,
  subscriptionId: string,
  destination: Destination,
  delivery: Delivery,
): Promise<number | Failure | "abandoned"> {
  const { closing, outward, timeoutMs, scheduleSec } = sender;
  const nextMs = retryAfterMs(delivery.attempt, Math.random(), scheduleSec);
  try {
    const message = await messageOf(sender, tenantId, subscriptionId, destination, delivery);
    const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
    const answer = await outward.post(destination.url, message.headers, message.body, signal);
    return verdictOf(destination.kind, answer, nextMs);
  } catch (error) {
    if (closing.aborted) return "abandoned";
    return { status: undefined, error: faultOf(error), retryAfterMs: nextMs, gone: false };
  }
}

async function messageOf(
  { signer }: Sender,
  tenantId: string,
  streamId: string,
  { kind, receiver = "", secrets }: Destination,
  delivery: Delivery,
): Promise<{ readonly headers: Readonly<Record<string, string>>; readonly body: string }> {
  if (kind === "webhook") {
    const message = webhookMessage(tenantId, delivery, secrets, new Date());
    if (message === undefined) throw new Error("a webhook was given a verification");
    return message;
  }
  // RFC 8935 §2.1.
  const [authorization] = secrets;
  return {
    headers: {
      "content-type": "application/secevent+jwt",
      accept: "application/json",
      ...(authorization === undefined ? {} : { authorization }),
    },
    body: await signer.sign(delivery, { tenantId, streamId, receiver }),
  };
}

/** What went wrong on the way, without the address that it may name. */
function faultOf(error: unknown): string {
  if (error instanceof AddressRefused) return "address refused";
  const { name, code } = error as { readonly name?: string; readonly code?: unknown };
  if (name === "TimeoutError" || name === "AbortError") return "timed out";
  return typeof code === "string" ? code : "not sent";
}
