import { copyFileSync } from "node:fs";
import path from "node:path";
import { type EmbeddedPostgres, startPostgres } from "@rollcall/cli/postgres";
import { until } from "../harness/until.ts";
import { type Disk, mountDisk } from "./disk.ts";

export type PostgresPart = {
  readonly url: string;
  /** What it lies on; undefined where nothing can be mounted. */
  readonly disk: Disk | undefined;
  kill(): void;
  /** As `pg_ctl stop -m immediate` does. */
  abort(): Promise<void>;
  isRunning(): boolean;
  restart(): Promise<void>;
  stop(): Promise<void>;
};

export const connectionsMax = 120;
// Little log before a checkpoint, so that the small disk holds it.
const settings = [`max_connections=${connectionsMax}`, "max_wal_size=96MB", "min_wal_size=32MB"];

/** A PostgreSQL with durable commits, on a disk of its own where there can be one. */
export async function startPostgresPart(above: string, port: number): Promise<PostgresPart> {
  const directory = path.join(above, "postgres");
  const disk = mountDisk(directory);
  const start = (): Promise<EmbeddedPostgres> => startPostgres({ directory, port, settings });
  let postgres = await start().catch((error: unknown) => {
    disk?.unmount();
    throw error;
  });
  return {
    url: postgres.url,
    disk,
    kill: () => process.kill(postgres.pid, "SIGKILL"),
    abort: async () => {
      process.kill(postgres.pid, "SIGQUIT");
      await until("PostgreSQL has aborted", () => !isAlive(postgres.pid));
    },
    isRunning: () => isAlive(postgres.pid),
    restart: async () => {
      postgres = await until("PostgreSQL is back", async () => start().catch(() => undefined), 60_000);
    },
    stop: async () => {
      await postgres.stop();
      // What it says of itself goes with the disk otherwise, and is what a finding is explained by.
      copyFileSync(path.join(directory, "postgres.log"), path.join(above, "postgres.log"));
      disk?.unmount();
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
