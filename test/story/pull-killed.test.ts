import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { newId } from "@rollcall/core/runtime";
import { migrate, sql, startPull } from "@rollcall/core/store";
import { houseSecret, openHouse } from "../harness/house.ts";
import { createPeople, crowd, type PullScene, pullScene } from "../harness/pull-scene.ts";
import { rowOf } from "../harness/read-back-scene.ts";
import { spawnRole } from "../harness/role.ts";
import { until } from "../harness/until.ts";

// A server of the file's own, on its defaults: a reconciler starts on no other.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-pull-killed-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
await migrate(postgres.url);
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});
const house = await openHouse({ databaseUrl: postgres.url });
const people = crowd(12);

test("a listing goes on from its last page, however often the reconciler is killed", { timeout: 120_000 }, async () => {
  const scene = await pullScene(house, people, { paging: "cursor", pageSize: 3 });
  await createPeople(house, scene.tenant, people);
  scene.become(people.map((one, at) => (at === 0 ? { ...one, active: false } : one)));
  const id = await begin(scene);
  // It stands still at the second, the third and the fourth page, and is killed there.
  for (const page of [2, 3, 4]) {
    const held = Promise.withResolvers<void>();
    scene.server.meddle((reply, { url }) =>
      url.pathname === "/scim/v2/Users" && cursorsOf(scene).length === page
        ? { ...reply, hold: (letGo) => void held.promise.then(letGo) }
        : reply,
    );
    const asked = cursorsOf(scene).length;
    const reconciler = await startReconciler();
    await until(`page ${page} is asked for`, () => cursorsOf(scene).length > asked && cursorsOf(scene).length >= page);
    await reconciler.kill();
    held.resolve();
    scene.server.meddle(undefined);
    await leaseOver(scene, id);
    // The question that was broken off is asked once more, and none before it.
    scene.server.asked.splice(
      scene.server.asked.findLastIndex(({ url }) => url.pathname === "/scim/v2/Users"),
      1,
    );
  }
  const reconciler = await startReconciler();
  expect(await scene.ended(id)).toMatchObject({ state: "finished", complete: true, listed: 12 });
  expect(new Set(cursorsOf(scene)).size).toBe(4);
  expect(cursorsOf(scene)).toHaveLength(4);
  expect(await rowOf(house, scene.tenant, "p0000")).toMatchObject({ active: false });
  await reconciler.kill();
});

test(
  "what was being applied is applied by the next, and nobody is shut out by halves",
  { timeout: 120_000 },
  async () => {
    const scene = await pullScene(house, people);
    await createPeople(house, scene.tenant, people);
    scene.become(people.slice(1));
    const first = await startReconciler();
    expect(await scene.ended(await begin(scene))).toMatchObject({ state: "finished", found: { missing: 1 } });
    const held = Promise.withResolvers<void>();
    scene.server.meddle((reply, { url }) =>
      url.pathname === "/scim/v2/Users/p0000" ? { ...reply, hold: (letGo) => void held.promise.then(letGo) } : reply,
    );
    const id = await begin(scene);
    await until("it is asked about whoever is gone", () =>
      scene.server.asked.some(({ url }) => url.pathname === "/scim/v2/Users/p0000"),
    );
    await first.kill();
    held.resolve();
    scene.server.meddle(undefined);
    expect(await rowOf(house, scene.tenant, "p0000")).toMatchObject({ active: true, deleted: false });
    await leaseOver(scene, id);
    const second = await startReconciler();
    expect(await scene.ended(id)).toMatchObject({ state: "finished", found: { gone: 1 }, settled: 1 });
    expect(await rowOf(house, scene.tenant, "p0000")).toMatchObject({ deleted: true });
    await second.kill();
  },
);

function cursorsOf({ server }: PullScene): readonly (string | null)[] {
  return server.asked
    .filter(({ url }) => url.pathname === "/scim/v2/Users")
    .map(({ url }) => url.searchParams.get("cursor"));
}

async function begin({ tenant }: PullScene): Promise<string> {
  const asked = { id: newId(), dryRun: false, actor: "test" };
  return (await startPull(house.database, tenant.id, tenant.connectionId, asked)).id;
}

/** By hand, for the story cannot wait for the lease. */
async function leaseOver({ tenant }: PullScene, id: string): Promise<void> {
  await house.database.once(tenant.id, sql`UPDATE pull_run SET taken_until = NULL WHERE id = ${id}`);
}

/** A reconciler as it is in production: a process, which can be killed as by a power cut. */
async function startReconciler() {
  const reconciler = spawnRole("reconciler", {
    DATABASE_URL: house.databaseUrl,
    ROLLCALL_SECRET: houseSecret,
    PROVIDER_NETWORKS: "127.0.0.0/8",
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
