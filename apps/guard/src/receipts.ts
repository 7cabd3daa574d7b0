import type { FeedClient } from "./feed-client.ts";
import type { Receipt } from "./wire.ts";

export type ReceiptParts = {
  readonly client: FeedClient;
  /** What to report, or undefined while nothing is held. */
  readonly receipt: () => Receipt | undefined;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

const restMs = 1_000;
const heartbeatMs = 10_000;

/** Reports how far this gateway is: after every change, at most once a second, and every ten seconds. */
export function sendReceipts({ client, receipt, signal, onError }: ReceiptParts): { readonly changed: () => void } {
  let sentAt = Number.NEGATIVE_INFINITY;
  let sending = false;
  let timer: NodeJS.Timeout | undefined;

  const plan = (inMs: number): void => {
    if (signal.aborted) return;
    clearTimeout(timer);
    timer = setTimeout(() => void send(), inMs).unref();
  };

  const send = async (): Promise<void> => {
    const due = receipt();
    sentAt = performance.now();
    plan(heartbeatMs);
    if (due === undefined) return;
    sending = true;
    try {
      await client.sendReceipt(due);
    } catch (error) {
      if (!signal.aborted) onError(error instanceof Error ? error : new Error(String(error)));
    } finally {
      sending = false;
    }
  };

  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return {
    changed: () => plan(Math.max(sending ? restMs : 0, sentAt + restMs - performance.now())),
  };
}
