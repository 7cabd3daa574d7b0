import { performance } from "node:perf_hooks";
import { Client } from "pg";

export type PushFloor = {
  /** Milliseconds from sending one durable insert until its notification arrives at another connection. */
  push(): Promise<number>;
  close(): Promise<void>;
};

/** The physical limit of telling somebody what was committed: one row, one fsync, one push. */
export async function startPushFloor(databaseUrl: string): Promise<PushFloor> {
  const writer = new Client({ connectionString: databaseUrl });
  const reader = new Client({ connectionString: databaseUrl });
  // A bench that fails stops its server first; the failure to report is the one before.
  for (const client of [writer, reader]) client.on("error", () => undefined);
  await Promise.all([writer.connect(), reader.connect()]);
  await writer.query("CREATE TABLE bench_floor (id bigserial PRIMARY KEY, payload text NOT NULL)");
  await reader.query("LISTEN bench_floor");
  return {
    push: async () => {
      const arrived = new Promise<void>((resolve) => {
        reader.once("notification", () => resolve());
      });
      const startedAt = performance.now();
      await writer.query(
        "WITH row AS (INSERT INTO bench_floor (payload) VALUES ($1) RETURNING id) SELECT pg_notify('bench_floor', id::text) FROM row",
        ["x".repeat(400)],
      );
      await arrived;
      return performance.now() - startedAt;
    },
    close: async () => {
      await Promise.all([writer.end(), reader.end()]);
    },
  };
}
