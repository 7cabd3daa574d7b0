import { onTestFinished } from "vitest";
import { createGuard, type Guard } from "../guard.ts";
import type { FeedError } from "../feed-error.ts";
import type { GuardOptions } from "../options.ts";
import { createClock } from "./clock.ts";
import { createFeedServer } from "./feed-server.ts";
import { createIssuer } from "./issuer.ts";

/** A clock, an issuer and a feed, and guards between them; all are closed when the test is finished. */
export async function createScene() {
  const clock = createClock();
  const issuer = await createIssuer(clock);
  const feed = await createFeedServer(clock);
  onTestFinished(async () => {
    await Promise.all([issuer.close(), feed.close()]);
  });
  const errors: Error[] = [];

  const options = (): GuardOptions => ({
    issuers: [{ issuer: issuer.origin, audience: "api", jwks: issuer.jwks() }],
    feed: { url: feed.url, token: feed.token, gateway: "edge-1", keys: feed.signer.jwks },
    stale: "deny",
    unknown: "allow",
    now: clock.now,
    onError: (error) => errors.push(error),
  });

  return {
    clock,
    issuer,
    feed,
    errors,
    codes: (): readonly (string | undefined)[] => errors.map((error) => (error as Partial<FeedError>).code),
    options,
    /** A guard that has started. */
    guard: async (changes: Partial<GuardOptions> = {}): Promise<Guard> => {
      const guard = createGuard({ ...options(), ...changes });
      onTestFinished(() => guard.close());
      await guard.start();
      return guard;
    },
  };
}

export type Scene = Awaited<ReturnType<typeof createScene>>;
