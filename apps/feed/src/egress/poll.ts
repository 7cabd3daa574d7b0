import { DirectoryError, isId } from "@rollcall/core/domain";
import { createBell } from "@rollcall/core/runtime";
import {
  acknowledge,
  type ApplicationSubscription,
  type Database,
  findSubscription,
  readWaiting,
} from "@rollcall/core/store";
import { z } from "zod";
import type { Receiver } from "./receivers.ts";
import type { SetSigner } from "./security-event-token.ts";
import { read } from "./stream-configuration.ts";

/** Tells those who wait for a tenant's messages that there may be some. */
export type Waiting = {
  ring(tenantId: string): void;
  /** Waits for a ring or `ms`; false, and at once, where too many wait already. */
  wait(tenantId: string, ms: number, signal: AbortSignal): Promise<boolean>;
  /** Ends every wait, and those that are still to come. */
  close(): void;
};

export type PollDependencies = {
  readonly database: Database;
  readonly signer: SetSigner;
  readonly waiting: Waiting;
  readonly newId: () => string;
  readonly now: () => number;
};

/** RFC 8936 §2.2. */
const pollRequest = z.object({
  maxEvents: z.int().min(0).max(1_000_000).optional(),
  returnImmediately: z.boolean().optional(),
  ack: z.array(z.string().max(256)).max(1_000).optional(),
  setErrs: z
    .record(z.string().max(256), z.object({ err: z.string().max(256), description: z.string().max(4_096).optional() }))
    .refine((refused) => Object.keys(refused).length <= 1_000)
    .optional(),
});

export type PollAnswer = { readonly sets: Readonly<Record<string, string>>; readonly moreAvailable?: true };

const eventsMax = 100;
const waitMsMax = 25_000;
/** Notifications can be missed. */
const lookMs = 2_000;
const waitersMax = 1_000;

/**
 * Settles what the receiver says it has, and gives it what waits: of each subject the oldest message
 * alone, for a JSON object has no order. What it does not acknowledge it is given again.
 */
export async function poll(
  { database, signer, waiting, newId, now }: PollDependencies,
  receiver: Receiver,
  streamId: string,
  body: unknown,
  signal: AbortSignal,
): Promise<PollAnswer> {
  const { tenantId } = receiver;
  const asked = read(pollRequest, body);
  await streamOf(database, receiver, streamId);
  const refused = Object.entries(asked.setErrs ?? {}).map(([id, { err }]) => [id, codeOf(err)] as const);
  await acknowledge(
    database,
    tenantId,
    streamId,
    { received: (asked.ack ?? []).filter(isId), refused: new Map(refused.filter(([id]) => isId(id))) },
    newId,
  );
  const limit = Math.min(asked.maxEvents ?? eventsMax, eventsMax);
  if (limit === 0) return { sets: {} };

  const untilMs = now() + waitMsMax;
  for (;;) {
    // Asked every time: a stream may be paused or removed, and a token revoked, while somebody waits.
    const stream = await streamOf(database, receiver, streamId);
    const { deliveries, more } =
      stream.status === "enabled"
        ? await readWaiting(database, tenantId, streamId, limit)
        : { deliveries: [], more: false };
    const leftMs = untilMs - now();
    if (deliveries.length > 0 || asked.returnImmediately === true || leftMs <= 0 || signal.aborted) {
      const address = { tenantId, streamId, receiver: receiver.name };
      const signed = await Promise.all(
        deliveries.map(async (delivery) => [delivery.id, await signer.sign(delivery, address)] as const),
      );
      return { sets: Object.fromEntries(signed), ...(more ? { moreAvailable: true } : {}) };
    }
    if (!(await waiting.wait(tenantId, Math.min(leftMs, lookMs), signal))) return { sets: {} };
    if (!(await receiver.isAlive()))
      throw new DirectoryError("unauthenticated", "a live token of an application is needed");
  }
}

export function createWaiting(): Waiting {
  const bells = new Map<string, Set<ReturnType<typeof createBell>>>();
  let count = 0;
  let closed = false;
  return {
    close: () => {
      closed = true;
      for (const bell of [...bells.values()].flatMap((own) => [...own])) bell.ring();
    },
    ring: (tenantId) => {
      for (const bell of bells.get(tenantId) ?? []) bell.ring();
    },
    wait: async (tenantId, ms, signal) => {
      if (closed || count >= waitersMax) return false;
      const bell = createBell();
      const own = bells.get(tenantId) ?? new Set();
      bells.set(tenantId, own.add(bell));
      count += 1;
      signal.addEventListener("abort", bell.ring, { once: true });
      try {
        await bell.wait(ms);
        return true;
      } finally {
        signal.removeEventListener("abort", bell.ring);
        count -= 1;
        own.delete(bell);
        if (own.size === 0 && bells.get(tenantId) === own) bells.delete(tenantId);
      }
    },
  };
}

async function streamOf(database: Database, receiver: Receiver, streamId: string): Promise<ApplicationSubscription> {
  const stream = await findSubscription(database, receiver.tenantId, receiver.own, streamId);
  if (stream?.kind !== "poll") throw new DirectoryError("not_found", "no such stream");
  return stream;
}

/** A code is kept; what a receiver says beside it may hold anything. */
function codeOf(err: string): string {
  return /^[A-Za-z_]{1,40}$/.test(err) ? err : "refused";
}
