import { setTimeout as delay } from "node:timers/promises";
import { sql } from "@rollcall/core/store";
import { until } from "../harness/until.ts";
import { compare, type Findings, isQuiet, type Tenant } from "./compare.ts";
import { type Fault, nowMs, pick, type Scene } from "./fault.ts";
import type { Person } from "./provider.ts";

const senders = 4;
const quietMsMax = 60_000;
const comparedMsMax = 60_000;
const wokenMsMax = 45_000;
/** A wake-up is faster than the sweep, which leaves alone what is younger than a second. */
const wokenSecMax = 0.9;

/**
 * One fault under traffic, and everything compared after it. Answers how long it took, from when
 * nothing was broken any more, until all was quiet and equal.
 */
export async function runCycle(scene: Scene, fault: Fault): Promise<number> {
  const { tenants, random, findings, ledger, parts } = scene;
  parts.postgres.disk?.keepRoom();
  const traffic = sendTraffic(scene);
  await delay(150 + random() * 350);
  const wholeAtMs = await fault.happen(scene);
  await delay(random() * 200);
  await traffic.stop();
  await until("all is quiet", () => isQuiet(scene.database, tenants).catch(() => false), quietMsMax).catch(
    (error: Error) => {
      findings.lost.push(`not everything that was accepted is applied and published: ${error.message}`);
    },
  );
  for (const tenant of tenants) await compareOnce(scene, tenant);
  const recoveredMs = nowMs() - wholeAtMs;
  await findStuck(scene);
  findings.lost.push(...ledger.contradictions.splice(0));
  findings.unanswered.push(...ledger.hung.splice(0), ...ledger.refused.splice(0));
  findings.stale.push(...(await scene.witness.staleWrites()));
  for (const { postgres, redis } of Object.values(parts.links)) for (const link of [postgres, redis]) link.bury();
  return recoveredMs;
}

/** Each person has one request at a time, as a provider's queue would; the people go on side by side. */
function sendTraffic({ tenants, random }: Scene): { stop(): Promise<void> } {
  let stopped = false;
  const traffic = tenants.flatMap((tenant) =>
    Array.from({ length: senders }, async (_, sender) => {
      const own = tenant.directory.people.filter((_person, at) => at % senders === sender);
      while (!stopped) await tenant.provider.change(pick<Person>(random, own));
    }),
  );
  // A refusal that nobody awaits yet must not end the process before it is reported.
  const finished = Promise.all(traffic);
  finished.catch(() => undefined);
  return {
    stop: async () => {
      stopped = true;
      await finished;
    },
  };
}

async function compareOnce({ parts, database, findings }: Scene, tenant: Tenant): Promise<void> {
  let problem: unknown;
  const found = await until(
    "the comparison can be made",
    () => {
      // What has fallen is found anyway, and nothing comes of waiting for it.
      if (parts.fallen().length > 0) throw new Error("a role has ended by itself");
      return compare(database, tenant).catch((error: unknown) => {
        problem = error;
        return undefined;
      });
    },
    comparedMsMax,
  ).catch(() => {
    findings.stuck.push(
      `${tenant.slug} cannot be compared: ${problem instanceof Error ? problem.message : "no answer"}`,
    );
    return undefined;
  });
  if (found === undefined) return;
  for (const kind of Object.keys(found) as (keyof Findings)[]) findings[kind].push(...found[kind]);
}

/** What is correct but has not come back: a role that is not ready, a queue that wakes nobody. */
async function findStuck(scene: Scene): Promise<void> {
  const { parts, tenants, findings } = scene;
  if (parts.fallen().length > 0) return;
  await until("every role is ready", async () => (await parts.notReady()).length === 0, 20_000).catch(async () => {
    findings.stuck.push(`not ready again by itself: ${(await parts.notReady()).join(", ")}`);
  });
  for (const tenant of tenants) {
    await until("the queue wakes", () => isWoken(scene, tenant), wokenMsMax).catch(() => {
      findings.stuck.push(`the queue wakes nobody for ${tenant.slug} any more: only the sweep works`);
    });
  }
}

/** Whether one more change is applied sooner than the sweep would find it. */
async function isWoken({ database, random }: Scene, tenant: Tenant): Promise<boolean> {
  const [before] = await database.once<{ last: number }>(
    tenant.id,
    sql`SELECT coalesce(max(id), 0) AS last FROM lifecycle_event`,
  );
  await tenant.provider.change(pick<Person>(random, tenant.directory.people));
  await until("it is applied", () => isQuiet(database, [tenant]), quietMsMax);
  const [row] = await database.once<{ sec: number | null }>(
    tenant.id,
    sql`SELECT max(extract(epoch FROM applied_at - accepted_at))::float8 AS sec FROM lifecycle_event WHERE id > ${before?.last ?? 0}`,
  );
  return (row?.sec ?? 0) < wokenSecMax;
}
