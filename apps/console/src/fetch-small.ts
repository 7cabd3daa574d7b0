import type { Outward } from "@rollcall/core/runtime";

type Options = { readonly headers: Headers; readonly method: "GET"; readonly signal: AbortSignal };

/** Fetches a small document. */
export type FetchSmall = (url: string, options: Options) => Promise<Response>;

const bytesMax = 512 * 1024;

/**
 * Fetches documents of at most 512 KiB from where the house may ask: whoever names an issuer must not see
 * through it what is inside. A redirect is an answer, never followed.
 */
export function createFetchSmall(asking: Pick<Outward, "ask">): FetchSmall {
  return async (url, { method, headers, signal }) => {
    const { status, body } = await asking.ask({ method, url, headers: Object.fromEntries(headers), bytesMax }, signal);
    // 204 and the like may not be made with a body, not even an empty one.
    return new Response(body === "" ? null : body, { status });
  };
}
