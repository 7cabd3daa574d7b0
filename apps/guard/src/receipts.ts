import { exchange } from "./exchange.ts";
import { FeedError } from "./feed-error.ts";
import type { FeedSettings } from "./feed-settings.ts";
import type { Receipt } from "./wire.ts";

export type ReceiptParts = {
  readonly settings: Pick<FeedSettings, "url" | "token">;
  /** What to report, or undefined while nothing is held. */
  readonly receipt: () => Receipt | undefined;
  readonly signal: AbortSignal;
  readonly onError: (error: Error) => void;
};

const restMs = 1_000;
const heartbeatMs = 10_000;
const timeoutMs = 5_000;
const answerBytesMax = 64 * 1024;

/** Reports to the feed itself, never to a relay, how far this gateway is: after every change, at most once a second, and every ten seconds. */
export function sendReceipts({ settings, receipt, signal, onError }: ReceiptParts): { readonly changed: () => void } {
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
      await post(settings, due, signal);
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

async function post({ url, token }: ReceiptParts["settings"], receipt: Receipt, signal: AbortSignal): Promise<void> {
  const { status } = await exchange({
    url: `${url}/receipts`,
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(receipt),
    timeoutMs,
    bytesMax: answerBytesMax,
    signal,
  });
  if (status < 200 || status > 299) throw new FeedError("receipt_refused", `POST /receipts answered ${status}`);
}
