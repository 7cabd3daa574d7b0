import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { migrate, readResync, recordStep, type ResyncRun, sql } from "@rollcall/core/store";
import { walkStep } from "@rollcall/reconciler";
import { createDriftScene, type DriftScene, some } from "../harness/drift-scene.ts";
import { hold } from "../harness/hold.ts";
import { houseSecret, openHouse } from "../harness/house.ts";
import { lockWaiters } from "../harness/pause.ts";
import { spawnRole } from "../harness/role.ts";
import { newGroup } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

// A server of the file's own, on its defaults: a reconciler starts on no other.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-resync-killed-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
await migrate(postgres.url);
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});
const idle = await openHouse({ databaseUrl: postgres.url, without: ["resyncs"] });

test(
  "a run goes on where it was, however often the reconciler is killed, and nothing is done twice",
  { timeout: 120_000 },
  async () => {
    const scene = await createDriftScene(idle);
    const { tenant } = scene;
    await tenant.scim("POST", "/Groups", newGroup("Two"));
    await untilQuiet(idle, tenant.id);
    await scene.byHand(sql`UPDATE app_user SET display_name = 'X'`);
    const id = await scene.start({ scope: "tenant" });
    // It stands still wherever it is about to record a step, and is killed there.
    const cursors: unknown[] = [];
    for (let kill = 0; kill < 3; kill += 1) {
      const held = await hold(idle, tenant.id, "SELECT FROM reconcile_run WHERE id = $1 FOR KEY SHARE", [id]);
      const reconciler = await startReconciler();
      await until("it stands still", async () => (await lockWaiters(idle.databaseUrl)) > 0);
      await reconciler.kill();
      await held.letGo();
      await until("its last words are over", async () => (await lockWaiters(idle.databaseUrl)) === 0);
      // By hand, for the story cannot wait for the lease.
      await scene.byHand(sql`UPDATE reconcile_run SET taken_until = NULL WHERE id = ${id}`);
      const [row] = await idle.database.once(
        tenant.id,
        sql`SELECT cursor, compared FROM reconcile_run WHERE id = ${id}`,
      );
      cursors.push(row);
      if (kill === 1) await step(scene, id);
    }
    expect(new Set(cursors.map((cursor) => JSON.stringify(cursor))).size).toBeGreaterThan(1);
    const reconciler = await startReconciler();
    const run = await scene.ended(id);
    expect(run).toMatchObject({ state: "finished", total: 5, compared: 5, enqueued: 5, applied: 5, healed: 3 });
    expect(some(run.found)).toEqual({ stale_attribute: 3 });
    expect(await scene.differences(id)).toHaveLength(3);
    await reconciler.kill();
  },
);

/** A reconciler as it is in production: a process, which can be killed as by a power cut. */
async function startReconciler() {
  const reconciler = spawnRole("reconciler", {
    DATABASE_URL: idle.databaseUrl,
    ROLLCALL_SECRET: houseSecret,
    RECONCILER_PORT: String(await freePort()),
    LOG_LEVEL: "info",
  });
  const ended = once(reconciler, "exit");
  const kill = async (): Promise<void> => {
    reconciler.kill("SIGKILL");
    await ended;
  };
  onTestFinished(kill);
  return { kill };
}

async function takeByHand({ tenant }: DriftScene, id: string): Promise<ResyncRun> {
  await idle.database.once(
    tenant.id,
    sql`UPDATE reconcile_run SET state = 'running', begun_at = now(), taken_until = now() + interval '1 minute' WHERE id = ${id}`,
  );
  const run = await readResync(idle.database, tenant.id, id);
  if (run === undefined) throw new Error("the run is gone");
  return run;
}

/** One step by hand, as somebody who took the run over has done it. */
async function step(scene: DriftScene, id: string): Promise<void> {
  const run = await takeByHand(scene, id);
  await recordStep(idle.database, scene.tenant.id, run, await walkStep(idle.database, scene.tenant.id, run));
  await scene.byHand(sql`UPDATE reconcile_run SET taken_until = NULL WHERE id = ${id}`);
}
