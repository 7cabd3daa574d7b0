/** A worker that comes to a lane and never to its end: it says which lane it holds, and waits to be killed. */
import { startLaneWorker } from "@rollcall/core/queue";

startLaneWorker(
  { databaseUrl: process.env["DATABASE_URL"] ?? "", redisUrl: process.env["REDIS_URL"] },
  async (lane) => {
    process.stdout.write(`${lane}\n`);
    await new Promise(() => undefined);
  },
  (error) => process.stderr.write(`${error.message}\n`),
);
