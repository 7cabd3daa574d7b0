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
export type StreamedAnswer = Pick<Answer, "status" | "headers"> & {
  readonly chunks: AsyncIterable<Uint8Array>;
  readonly close: () => void;
};

/** An exchange that brought no answer, or one past its limits. */
class ExchangeError extends Error {
  override readonly name = "ExchangeError";
}

/** One HTTP exchange with a deadline and a size limit. A redirect is an answer, never followed. */
export async function exchange(request: ExchangeRequest): Promise<Answer> {
  const limit = limited(request);
  try {
    const response = await send(request, limit.signal);
    return { status: response.status, headers: response.headers, body: await readBody(response, request.bytesMax) };
  } catch (cause) {
    throw asExchangeError(request, cause);
  } finally {
    limit.lift();
  }
}

/** An answer whose body goes on for as long as it is read; `timeoutMs` is the longest silence in it. */
export async function openStream(request: Omit<ExchangeRequest, "bytesMax">): Promise<StreamedAnswer> {
  const limit = limited(request);
  try {
    const { status, headers, body } = await send(request, limit.signal);
    const read = async function* (): AsyncIterable<Uint8Array> {
      try {
        for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
          limit.renew();
          yield chunk;
        }
      } catch (cause) {
        throw asExchangeError(request, cause);
      } finally {
        limit.stop();
      }
    };
    return { status, headers, chunks: read(), close: limit.stop };
  } catch (cause) {
    limit.stop();
    throw asExchangeError(request, cause);
  }
}

/** A signal that aborts with the caller's, or when the deadline has passed that can be renewed. */
function limited({ timeoutMs, signal }: Pick<ExchangeRequest, "timeoutMs" | "signal">) {
  const stop = new AbortController();
  const closing = (): void => stop.abort(signal.reason);
  if (signal.aborted) closing();
  // One listener for one exchange: AbortSignal.any on a signal that lives as long as the process would pile up.
  signal.addEventListener("abort", closing, { once: true });
  const start = () => setTimeout(() => stop.abort(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  let deadline = start();
  const lift = (): void => {
    clearTimeout(deadline);
    signal.removeEventListener("abort", closing);
  };
  return {
    signal: stop.signal,
    lift,
    renew: (): void => {
      clearTimeout(deadline);
      deadline = start();
    },
    stop: (): void => {
      lift();
      stop.abort(new Error("the stream was closed"));
    },
  };
}

function send({ url, method = "GET", headers = {}, body }: Omit<ExchangeRequest, "bytesMax">, signal: AbortSignal) {
  return fetch(url, { method, headers, redirect: "manual", signal, ...(body === undefined ? {} : { body }) });
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

function asExchangeError({ url, method = "GET" }: Pick<ExchangeRequest, "url" | "method">, cause: unknown): Error {
  const { origin, pathname } = new URL(url);
  return new ExchangeError(`${method} ${origin}${pathname}: ${causeText(cause)}`, { cause });
}

/** fetch says only "fetch failed" and hides the reason one level down. */
function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
