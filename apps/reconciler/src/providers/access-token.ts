import type { JsonObject } from "@rollcall/core/domain";
import type { Answer } from "./exchange.ts";
import { ProviderFailure } from "./provider.ts";
import { readObject, readText } from "./reading.ts";

/** An access token that is asked for when it is needed and kept while it lives. */
export type AccessToken = {
  /** The Authorization header. */
  authorize(signal: AbortSignal): Promise<string>;
  /** Forgets what was refused: the next one is new. */
  renew(refused: string): boolean;
};

type Held = { readonly header: Promise<string>; diesAt: number; value?: string };

/** Renewed so long before it dies: a request under way must not outlive it. */
const marginMs = 60_000;

export function createAccessToken(
  request: (signal: AbortSignal) => Promise<Answer>,
  now: () => number = Date.now,
): AccessToken {
  let held: Held | undefined;
  const begin = (signal: AbortSignal): Held => {
    const begun: Held = {
      diesAt: Number.POSITIVE_INFINITY,
      header: request(signal).then((answer) => {
        const { header, livesSec } = readToken(answer);
        // One that lives shorter than the margin is used until half of its life is over.
        begun.diesAt = now() + Math.max(livesSec * 1_000 - marginMs, livesSec * 500);
        begun.value = header;
        return header;
      }),
    };
    begun.header.catch(() => {
      if (held === begun) held = undefined;
    });
    return begun;
  };
  return {
    authorize: async (signal) => {
      if (held === undefined || now() >= held.diesAt) held = begin(signal);
      const { header } = held;
      return header;
    },
    renew: (refused) => {
      // Of several requests that were refused with one token, the first makes way for the new one.
      if (held?.value === refused) held = undefined;
      return true;
    },
  };
}

/** RFC 6749 §5.1 and §5.2. */
function readToken({ status, body }: Answer): { readonly header: string; readonly livesSec: number } {
  const said = readObject(body, "the answer of the token endpoint");
  if (status !== 200) {
    const code = errorCode(said);
    throw new ProviderFailure(
      "unauthenticated",
      `it gives out no token${code}: check the client, its secret and its scopes`,
    );
  }
  const token = readText(said["access_token"], "access_token");
  const livesSec = Number(said["expires_in"] ?? 300);
  if (!Number.isFinite(livesSec) || livesSec <= 0)
    throw new ProviderFailure("malformed", "expires_in is not a number of seconds");
  return { header: `Bearer ${token}`, livesSec };
}

/** A code of RFC 6749 §5.2, and nothing that merely stands in its place. */
function errorCode(said: JsonObject): string {
  const { error } = said;
  return typeof error === "string" && /^[a-z_]{1,64}$/.test(error) ? ` (${error})` : "";
}
