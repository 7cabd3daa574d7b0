import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { type Fault, flowsOn, hold, nowMs, type Scene } from "./fault.ts";
import { harnessName } from "./parts.ts";
import { connectionsMax } from "./postgres-part.ts";
import { terminateOthers } from "./witness.ts";

/** What happens to PostgreSQL and Redis, beside that they are killed. */
export const storeFaults: readonly Fault[] = [
  { name: "postgres-immediate", happen: abortPostgres },
  { name: "terminate", happen: terminateBackends },
  { name: "connections", happen: takeConnections },
  { name: "disk-full", needs: "disk", happen: fillDisk },
  { name: "flushall", needs: "redis", happen: flushRedis },
  { name: "redis-absent", needs: "redis", happen: takeRedisAway },
  { name: "redis-rollback", needs: "redis", happen: rollRedisBack },
];

async function abortPostgres({ parts, random }: Scene): Promise<number> {
  const abortedAtMs = nowMs();
  await parts.postgres.abort();
  await delay(random() * 300);
  await parts.restart("postgres");
  return abortedAtMs;
}

/** A storm of pg_terminate_backend: what is asked is cut short, and so is who comes back at once. */
async function terminateBackends({ witness, random, long }: Scene): Promise<number> {
  for (let times = long ? 60 : 10; times > 0; times -= 1) {
    await witness.terminateAll(harnessName);
    await delay(random() * 200);
  }
  return nowMs();
}

/** Somebody else holds every connection that PostgreSQL has. */
async function takeConnections(scene: Scene): Promise<number> {
  const held: Client[] = [];
  let taking = true;
  const takers = Array.from({ length: 4 }, async () => {
    while (taking && held.length < connectionsMax) {
      const client = new Client({ connectionString: scene.parts.databaseUrl, connectionTimeoutMillis: 2_000 });
      client.on("error", () => undefined);
      const isConnected = await client.connect().then(
        () => true,
        () => false,
      );
      if (isConnected) held.push(client);
      else await delay(50);
    }
  });
  // Who lost a connection finds none.
  for (let times = 5; times > 0; times -= 1) {
    await delay(300);
    await held[0]?.query(terminateOthers, [harnessName]);
  }
  await hold(scene, 1_000, 15_000);
  taking = false;
  await Promise.all(takers);
  await Promise.all(held.map((client) => client.end().catch(() => undefined)));
  return nowMs();
}

/** PostgreSQL cannot write one more page. Where it gives up for want of room, its supervisor starts it again. */
async function fillDisk(scene: Scene): Promise<number> {
  const { disk } = scene.parts.postgres;
  if (disk === undefined) throw new Error("there is no disk to fill");
  const endsAtMs = nowMs() + (scene.long ? 15_000 : 2_500);
  const owner = scene.random() < 0.5 ? undefined : await connect(scene);
  // What PostgreSQL frees for itself is filled again, and every other time its log is to begin a new file.
  while (nowMs() < endsAtMs) {
    disk.fill();
    await owner?.query("SELECT pg_switch_wal()").catch(() => undefined);
    await delay(50);
  }
  disk.free();
  await owner?.end().catch(() => undefined);
  const freedAtMs = nowMs();
  // A crash that follows from the fault may still be under way.
  await delay(500);
  if (!scene.parts.postgres.isRunning()) await scene.parts.restart("postgres");
  return freedAtMs;
}

async function connect({ parts }: Scene): Promise<Client> {
  const client = new Client({ connectionString: parts.databaseUrl });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Empties Redis of every job and lock, several times. */
async function flushRedis({ parts, random }: Scene): Promise<number> {
  const flushedAtMs = nowMs();
  for (let times = 3; times > 0; times -= 1) {
    await parts.redis.flush();
    await delay(random() * 100);
  }
  return flushedAtMs;
}

/** Without Redis everything goes on, a little later. */
async function takeRedisAway(scene: Scene): Promise<number> {
  await scene.parts.kill("redis");
  await hold(scene, 2_000, 60_000);
  await flowsOn(scene, "while Redis is absent");
  await scene.parts.restart("redis");
  return nowMs();
}

/** As after a failover to a replica that lagged: jobs that were done wait again, and those since are gone. */
async function rollRedisBack(scene: Scene): Promise<number> {
  const { parts } = scene;
  await parts.redis.copy();
  await hold(scene, 500, 5_000);
  const killedAtMs = nowMs();
  await parts.kill("redis");
  parts.redis.rollBack();
  await parts.restart("redis");
  return killedAtMs;
}
