import type { Receipt } from "@rollcall/guard";
import { type Database, type GatewayReceipt, isTransient, recordReceipts } from "@rollcall/core/store";
import { FeedRefusal } from "./errors.ts";

export type ReceiptBox = {
  /** Resolves once it is noted. Throws `too_many` where the feed has no room for another gateway. */
  put(feedId: string, receipt: Receipt): Promise<void>;
};

type Waiting = { readonly receipt: GatewayReceipt; readonly settle: PromiseWithResolvers<void> };

const gatherMs = 100;

/** Notes receipts together: a denial has every gateway of a feed report at once. */
export function createReceiptBox(database: Database, staleSec: number): ReceiptBox {
  const boxes = new Map<string, Waiting[]>();

  /** What the database will not have is looked for by halves, so that it fails alone. */
  async function note(feedId: string, waiting: readonly Waiting[]): Promise<void> {
    const receipts = waiting.map(({ receipt }) => receipt);
    try {
      const refused = new Set(await recordReceipts(database, feedId, receipts, staleSec));
      for (const { receipt, settle } of waiting) {
        if (refused.has(receipt.gateway)) settle.reject(new FeedRefusal("too_many", { retryAfterSec: 60 }));
        else settle.resolve();
      }
    } catch (error) {
      // What ails the database ails them all.
      if (waiting.length === 1 || isTransient(error)) {
        for (const { settle } of waiting) settle.reject(error);
        return;
      }
      const half = Math.ceil(waiting.length / 2);
      await note(feedId, waiting.slice(0, half));
      await note(feedId, waiting.slice(half));
    }
  }
  async function empty(feedId: string): Promise<void> {
    const waiting = boxes.get(feedId) ?? [];
    boxes.delete(feedId);
    await note(feedId, waiting);
  }
  return {
    put: (feedId, receipt) => {
      const settle = Promise.withResolvers<void>();
      const box = boxes.get(feedId);
      if (box === undefined) setTimeout(() => void empty(feedId), gatherMs);
      const waiting = box ?? [];
      waiting.push({ receipt: noted(receipt), settle });
      boxes.set(feedId, waiting);
      return settle.promise;
    },
  };
}

function noted(receipt: Receipt): GatewayReceipt {
  return {
    gateway: receipt.gateway,
    epoch: receipt.epoch,
    seq: receipt.seq,
    asOf: new Date(receipt.as_of * 1000),
    entries: receipt.entries,
    digest: Buffer.from(receipt.digest, "base64url"),
    ...(receipt.max_ttl_seen === undefined ? {} : { maxTtlSec: receipt.max_ttl_seen }),
  };
}
