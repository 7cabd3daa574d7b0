const bytesMax = 512 * 1024;

type Options = {
  readonly headers: Headers;
  readonly method: "GET";
  readonly redirect: "manual";
  readonly signal: AbortSignal;
};

/** Fetches a document of at most 512 KiB. A redirect is an answer, never followed. */
export async function fetchSmall(url: string, options: Options): Promise<Response> {
  const response = await fetch(url, {
    method: options.method,
    headers: options.headers,
    redirect: "manual",
    signal: options.signal,
  });
  const body = response.body === null ? new Uint8Array() : await readAll(response.body);
  // 204 and the like may not be made with a body, not even an empty one.
  return new Response(body.byteLength === 0 ? null : body, {
    status: response.status === 0 ? 502 : response.status,
    headers: response.headers,
  });
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) throw new Error(`the answer is larger than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}
