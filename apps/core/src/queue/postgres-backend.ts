import { setTimeout as delay } from "node:timers/promises";
import { createPostgresBackend } from "bullmq";
import { ListenedClient } from "./listened-client.ts";

type Readiness = { readyPromise: Promise<void> | undefined; waitUntilReady(): Promise<void> };
/** What it takes its client for notifications from; that of its pool is a setting. */
type Connection = Readiness & { pgModule: { readonly Client: typeof ListenedClient } };
type Backend = Readiness & { readonly connection: Connection; moveToActive(...asked: unknown[]): Promise<unknown> };
type Factory = (...parts: Parameters<typeof createPostgresBackend>) => Backend;

const retryMs = 250;

/**
 * BullMQ's PostgreSQL backend, made to outlive an outage. As it comes it remembers a first connection that
 * failed and never makes another, and a worker that cannot ask for its next job asks again at
 * once, so that nothing else in its process runs any more.
 */
export const lastingPostgresBackend: Factory = (...parts) => {
  const backend = (createPostgresBackend as unknown as Factory)(...parts);
  forgetFailures(backend);
  forgetFailures(backend.connection);
  backend.connection.pgModule = { Client: ListenedClient };
  const moveToActive = backend.moveToActive.bind(backend);
  backend.moveToActive = async (...asked) => {
    try {
      return await moveToActive(...asked);
    } catch (error) {
      await delay(retryMs);
      throw error;
    }
  };
  return backend;
};

function forgetFailures(part: Readiness): void {
  const waitUntilReady = part.waitUntilReady.bind(part);
  part.waitUntilReady = async () => {
    try {
      await waitUntilReady();
    } catch (error) {
      part.readyPromise = undefined;
      throw error;
    }
  };
}
