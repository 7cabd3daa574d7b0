import type { OutwardAnswer } from "@rollcall/core/runtime";
import type { Destination, Failure } from "@rollcall/core/store";

/** RFC 8935 §2.4: the receiver will never take this SET. The other codes may pass: keys are fetched, tokens are mended. */
const finalCodes: ReadonlySet<string> = new Set(["invalid_request", "invalid_issuer", "invalid_audience"]);
const gone = 410;

/** What an answer means for the message: the status with which it was taken, or how it failed. */
export function verdictOf(
  kind: Destination["kind"],
  { status, body, retryAfterSec }: OutwardAnswer,
  nextMs: number | undefined,
): number | Failure {
  if (status >= 200 && status < 300) return status;
  if (kind === "webhook" && status === gone)
    return { status, error: "gone for good", retryAfterMs: undefined, gone: true };
  const code = kind === "push" && status === 400 ? errorCodeOf(body) : undefined;
  const isFinal = code !== undefined && finalCodes.has(code);
  const askedMs = status === 429 || status === 503 ? (retryAfterSec ?? 0) * 1_000 : 0;
  const retryAfterMs = isFinal || nextMs === undefined ? undefined : Math.max(nextMs, askedMs);
  return { status, error: code ?? `status ${status}`, retryAfterMs, gone: false };
}

/** Only a code: the description beside it may hold anything. */
function errorCodeOf(body: string): string | undefined {
  try {
    const { err } = JSON.parse(body) as { readonly err?: unknown };
    return typeof err === "string" && /^[a-z_]{1,40}$/.test(err) ? err : undefined;
  } catch {
    return undefined;
  }
}
