import type { PoolClient } from "pg";
import type { Database } from "./database.ts";

export type Channel =
  | "rollcall_pending"
  | "rollcall_feed"
  | "rollcall_egress"
  | "rollcall_read_back"
  | "rollcall_resync";
export type Subscription = { close(): Promise<void> };

const reconnectMs = 500;
const listening: Readonly<Record<Channel, string>> = {
  rollcall_pending: "LISTEN rollcall_pending",
  rollcall_feed: "LISTEN rollcall_feed",
  rollcall_egress: "LISTEN rollcall_egress",
  rollcall_read_back: "LISTEN rollcall_read_back",
  rollcall_resync: "LISTEN rollcall_resync",
};

/**
 * Calls `onNotify` with the tenant of each notification on a channel, over a connection of its own.
 * Notifications are a hurry, never the truth: while the connection is being made again some are
 * missed, so whoever listens polls too.
 */
export async function subscribe(
  database: Database,
  channel: Channel,
  onNotify: (tenantId: string) => void,
  onError: (error: Error) => void,
): Promise<Subscription> {
  let closed = false;
  let client: PoolClient | undefined;
  let retry: NodeJS.Timeout | undefined;

  async function open(): Promise<void> {
    const session = await database.session();
    if (closed) return session.release();
    client = session;
    session.on("notification", ({ payload }) => onNotify(payload ?? ""));
    session.once("error", (error) => {
      onError(error);
      lose(session);
    });
    session.once("end", () => lose(session));
    try {
      await session.query(listening[channel]);
    } catch (error) {
      onError(error as Error);
      lose(session);
    }
  }
  function lose(session: PoolClient): void {
    if (client !== session) return;
    client = undefined;
    session.release(true);
    if (!closed) again();
  }
  function again(): void {
    clearTimeout(retry);
    retry = setTimeout(() => {
      open().catch((error: Error) => {
        onError(error);
        if (!closed) again();
      });
    }, reconnectMs);
  }

  await open();
  return {
    close: async () => {
      closed = true;
      clearTimeout(retry);
      const session = client;
      client = undefined;
      session?.release(true);
    },
  };
}
