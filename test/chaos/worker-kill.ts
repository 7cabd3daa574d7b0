import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { Client } from "pg";
import { newId } from "@rollcall/core/runtime";
import {
  createConnection,
  createCredentials,
  createTenant,
  type Database,
  openDatabase,
  sql,
} from "@rollcall/core/store";
import { quantile } from "../bench/statistics.ts";
import { hold } from "../harness/hold.ts";
import { until } from "../harness/until.ts";
import { harnessName, type Parts, startParts } from "./parts.ts";

type Queue = "postgres" | "redis";
type Worker = "worker" | "second worker";
type Holder = { readonly worker: Worker; readonly pid: number };

const workers: readonly Worker[] = ["worker", "second worker"];

const usage =
  "usage: npm run chaos:worker-kill -- [--kills N] [--queue postgres|redis] [--p99-ms-max N] [--mutant NAME] [--json]\n";
const pickUpMsMax = 180_000;

/**
 * Two workers run, as they do where one must not be missed. Kills whichever holds a denial, and the other as
 * soon as it has taken the same denial up, a hundred times in a row; each is started again as it would be
 * by whoever watches it. Measures from each kill to the moment in which the denial is held again. It
 * may be given up by nobody, and lands once a worker is left alone.
 */
async function main(argv: readonly string[]): Promise<number> {
  const kills = Number(option(argv, "--kills") ?? 100);
  const only = option(argv, "--queue");
  const p99MsMax = Number(option(argv, "--p99-ms-max") ?? 8_000);
  const isKnown = only === undefined || only === "postgres" || only === "redis";
  if (!Number.isInteger(kills) || kills < 1 || !(p99MsMax > 0) || !isKnown) {
    process.stderr.write(usage);
    return 2;
  }
  let kept = true;
  for (const queue of ["postgres", "redis"] as const) {
    if (only !== undefined && only !== queue) continue;
    const run = await killInTurn(queue, kills, option(argv, "--mutant"));
    const p99 = Math.round(quantile(run.pickUpsMs, 0.99));
    const line = {
      queue,
      kills: run.pickUpsMs.length,
      pick_up_p50_ms: Math.round(quantile(run.pickUpsMs, 0.5)),
      pick_up_p99_ms: p99,
      pick_up_max_ms: Math.round(Math.max(...run.pickUpsMs)),
      attempts: run.attempts,
      dead: run.dead,
      landed: run.landed,
    };
    const words = Object.entries(line).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(argv.includes("--json") ? `${JSON.stringify(line)}\n` : `${words.join("  ")}\n`);
    kept &&= run.landed && run.dead === 0 && run.attempts === 0 && run.pickUpsMs.length === kills && p99 <= p99MsMax;
  }
  return kept ? 0 : 1;
}

type Run = {
  readonly pickUpsMs: readonly number[];
  readonly attempts: number;
  readonly dead: number;
  readonly landed: boolean;
};

async function killInTurn(queue: Queue, kills: number, mutant: string | undefined): Promise<Run> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-worker-kill-"));
  await chmod(directory, 0o755);
  const parts = await startParts(directory, queue, mutant);
  // What was started and mounted does not outlive a run that is told to stop.
  const end = (): never => process.exit(1);
  const stop = (): void => void parts.stop().then(end, end);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, stop);
  const database = openDatabase({ url: parts.databaseUrl, poolMax: 2, onError: () => undefined });
  try {
    const leaver = await createLeaver(database, parts);
    await parts.start("second worker");
    const pickUpsMs: number[] = [];
    const restarts: Promise<void>[] = [];
    let held = await holdUser(parts, leaver);
    await leaver.leave();
    let holder = await until("a worker holds the denial", () => holderOf(parts, undefined), pickUpMsMax);
    for (let kill = 0; kill < kills; kill += 1) {
      // In line behind the worker that is about to die, and before the one that is to follow it.
      const next = holdUser(parts, leaver);
      await until(
        "the next hold is in line",
        async () => (await waitersOf(parts, [harnessName])).length > 0,
        pickUpMsMax,
      );
      const killedAtMs = performance.now();
      await parts.kill(holder.worker);
      // What the dead worker waited for is given to it, or PostgreSQL would not notice that it is dead.
      await held.letGo();
      held = await next;
      // Not waited for: the denial must be struck while it is held, and nobody holds on to it for long.
      restarts.push(parts.restart(holder.worker).catch(() => undefined));
      const killed = holder;
      holder = await until("another worker holds the denial", () => holderOf(parts, killed), pickUpMsMax);
      pickUpsMs.push(performance.now() - killedAtMs);
      const last = Math.round(pickUpsMs.at(-1) ?? 0);
      process.stderr.write(`${queue}: kill ${String(kill + 1).padStart(4)}/${kills}  held again after ${last} ms\n`);
    }
    await Promise.all(restarts);
    await held.letGo();
    const landed = await until("the denial lands", () => isDenied(database, leaver), pickUpMsMax).catch(() => false);
    return { pickUpsMs, landed, ...(await blameOf(database, leaver)) };
  } finally {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.off(signal, stop);
    await database.close();
    await parts.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

type Leaver = { readonly tenantId: string; readonly id: string; leave(): Promise<void> };

async function createLeaver(database: Database, parts: Parts): Promise<Leaver> {
  const actor = "chaos";
  const { id: tenantId } = await createTenant(database, { id: newId(), slug: "kills", name: "kills" }, actor);
  const connection = { id: newId(), slug: "idp", name: "IdP", kind: "scim", issuers: ["https://kills.test"] } as const;
  await createConnection(database, tenantId, connection, actor);
  const credentials = createCredentials(database, parts.secret, Date.now);
  const { token } = await credentials.issue({ purpose: "scim", tenantId, connectionId: connection.id, label: actor });
  const send = async (method: string, resource: string, body: unknown): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${parts.scimUrl}${resource}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${method} ${resource} was answered ${answer.status}`);
    return (await answer.json()) as Record<string, unknown>;
  };
  const user = { schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"], userName: "ann", externalId: "ann" };
  const id = (await send("POST", "/Users", { ...user, active: true }))["id"] as string;
  await until("the user is applied", async () => {
    const rows = await database.once(tenantId, sql`SELECT FROM identity WHERE user_id = ${id}`);
    return rows.length > 0;
  });
  return {
    tenantId,
    id,
    leave: async () => void (await send("PUT", `/Users/${id}`, { ...user, active: false })),
  };
}

/** Which worker stands still with the denial; undefined while none but `besides` does. */
async function holderOf(parts: Parts, besides: Holder | undefined): Promise<Holder | undefined> {
  return (await waitersOf(parts, workers)).find(({ pid }) => pid !== besides?.pid);
}

/** Who of these waits for a lock, by the names under which they speak to PostgreSQL. */
async function waitersOf<Name extends string>(
  { databaseUrl }: Parts,
  names: readonly Name[],
): Promise<readonly { readonly worker: Name; readonly pid: number }[]> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ worker: Name; pid: number }>(
      "SELECT application_name AS worker, pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND application_name = ANY($1)",
      [names],
    );
    return rows;
  } finally {
    await client.end();
  }
}

/** Whoever takes the user's events up stands still with them from here on. */
function holdUser({ databaseUrl }: Parts, { tenantId, id }: Leaver) {
  return hold({ databaseUrl }, tenantId, "SELECT FROM link WHERE directory_user_id = $1 FOR UPDATE", [id]);
}

async function isDenied(database: Database, { tenantId, id }: Leaver): Promise<boolean> {
  const rows = await database.once(
    tenantId,
    sql`SELECT FROM denial JOIN revocation ON revocation.sub = 'ann' AND revocation.deny WHERE denial.user_id = ${id} AND denial.reason = 'idp_inactive'`,
  );
  return rows.length > 0;
}

async function blameOf(
  database: Database,
  { tenantId }: Leaver,
): Promise<{ readonly attempts: number; readonly dead: number }> {
  const [row] = await database.once<{ attempts: number; dead: number }>(
    tenantId,
    sql`SELECT sum(attempts)::integer AS attempts, count(dead_at)::integer AS dead FROM lifecycle_event`,
  );
  return row ?? { attempts: Number.NaN, dead: Number.NaN };
}

function option(argv: readonly string[], name: string): string | undefined {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
}

process.exit(await main(process.argv.slice(2)));
