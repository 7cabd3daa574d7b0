export type ExchangeRequest = {
  readonly url: string;
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
};

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: Buffer };

/** An exchange that brought no answer, or one past its limits. */
class ExchangeError extends Error {
  override readonly name = "ExchangeError";
}

/** One HTTP exchange with a deadline and a size limit. A redirect is an answer, never followed. */
export async function exchange(request: ExchangeRequest): Promise<Answer> {
  const { url, method = "GET", headers = {}, timeoutMs, signal } = request;
  const stop = new AbortController();
  const closing = (): void => stop.abort(signal.reason);
  if (signal.aborted) closing();
  // One listener for one exchange: AbortSignal.any on a signal that lives as long as the process would pile up.
  signal.addEventListener("abort", closing, { once: true });
  const deadline = setTimeout(() => stop.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers,
      redirect: "manual",
      signal: stop.signal,
      ...(request.body === undefined ? {} : { body: request.body }),
    });
    return { status: response.status, headers: response.headers, body: await readBody(response, request.bytesMax) };
  } catch (cause) {
    const { origin, pathname } = new URL(url);
    throw new ExchangeError(`${method} ${origin}${pathname}: ${causeText(cause)}`, { cause });
  } finally {
    clearTimeout(deadline);
    signal.removeEventListener("abort", closing);
  }
}

async function readBody(response: Response, bytesMax: number): Promise<Buffer> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, bytes);
}

/** fetch says only "fetch failed" and hides the reason one level down. */
function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
