import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createPeople, crowd, pullScene } from "../harness/pull-scene.ts";
import { eager } from "../harness/read-back-scene.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse({ readBacks: eager });
const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
const people = crowd(30);

describe("by the admin API", () => {
  test("a listing is asked for, shown with what it found, stopped, released with a note, and all of it is in the audit", async () => {
    const { tenant, become } = await pullScene(house, people, { pageSize: 30 });
    await createPeople(house, tenant, people);
    const admin = await adminOf(house, tenant);
    const pulls = `/tenants/${tenant.slug}/pulls`;
    become(people.map((one) => ({ ...one, active: false })));
    const begun = await admin("POST", `/tenants/${tenant.slug}/connections/idp/pulls`, {});
    expect(begun).toMatchObject({ status: 202, body: { connection: "idp", dryRun: false, finishedAt: null } });
    const one = `${pulls}/${begun.body["id"] as string}`;
    await until("it is stopped", async () => (await admin("GET", one)).body["state"] === "braked");
    expect(await admin("POST", `/tenants/${tenant.slug}/connections/idp/pulls`, {})).toMatchObject({
      status: 409,
      body: { code: "pull_under_way" },
    });
    const shown = await admin("GET", one);
    expect(shown.body).toMatchObject({ brake: { would: 30, of: 30 }, found: { shut_out: 30 }, complete: true });
    expect((await admin("GET", `${pulls}?connection=idp`)).body).toMatchObject({ items: [{ state: "braked" }] });
    const first = await admin("GET", `${one}/differences?limit=20&kind=shut_out`);
    expect(first.body["items"]).toHaveLength(20);
    const rest = await admin("GET", `${one}/differences?limit=20&kind=shut_out&after=${String(first.body["next"])}`);
    expect(rest.body["items"]).toHaveLength(10);
    expect(rest.body["next"]).toBeUndefined();
    // Of a person it tells who they are, and of what has changed the names alone.
    expect(JSON.stringify(first.body)).not.toContain("Berg");
    expect((await admin("POST", `${one}/release`, {})).status).toBe(400);
    expect((await admin("POST", `${one}/release`, { note: "the office has closed" })).status).toBe(200);
    await until("it has ended", async () => (await admin("GET", one)).body["state"] === "finished");
    expect((await admin("POST", `${one}/release`, { note: "again" })).status).toBe(400);
    expect((await admin("POST", `${one}/cancel`, {})).status).toBe(400);
    const audit = await house.database.once<{ action: string; detail: unknown }>(
      tenant.id,
      sql`SELECT action, detail FROM audit WHERE target = ${begun.body["id"] as string} ORDER BY id`,
    );
    expect(audit).toMatchObject([
      { action: "pull.start" },
      { action: "pull.release", detail: { note: "the office has closed", would: 30, of: 30 } },
    ]);
  });

  test("a schedule is set with its limits, and taken away", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const path = `/tenants/${tenant.slug}/connections/idp`;
    expect((await admin("PATCH", path, { pull: { everySec: 10 } })).status).toBe(400);
    expect((await admin("PATCH", path, { pull: { everySec: 60, brakeShare: 2 } })).status).toBe(400);
    const set = await admin("PATCH", path, { pull: { everySec: 3_600, brakeCount: 5 } });
    expect(set.body["connection"]).toMatchObject({ pull: { everySec: 3_600, brakeShare: 0.05, brakeCount: 5 } });
    expect((await admin("PATCH", path, { name: "The IdP" })).body["connection"]).toMatchObject({
      pull: { everySec: 3_600 },
    });
    await admin("PATCH", path, { pull: null });
    expect((await admin("GET", path)).body["pull"]).toBeUndefined();
  });

  test("a connection that is paused is listed to look, and not to change", async () => {
    const { tenant } = await pullScene(house, people, { pageSize: 30 });
    const admin = await adminOf(house, tenant);
    await house.database.once(tenant.id, sql`UPDATE connection SET paused_at = now()`);
    const path = `/tenants/${tenant.slug}/connections/idp/pulls`;
    expect((await admin("POST", path, {})).status).toBe(400);
    expect((await admin("POST", path, { dryRun: true })).status).toBe(202);
  });

  test("a connection without a provider says what is missing, and nobody's listing is found", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const asked = await admin("POST", `/tenants/${tenant.slug}/connections/idp/pulls`, {});
    expect([asked.status, asked.body["detail"]]).toEqual([404, expect.stringMatching(/has no provider/) as string]);
    const unknown = `/tenants/${tenant.slug}/pulls/0199b0a4-0000-7000-8000-000000000001`;
    expect((await admin("GET", unknown)).status).toBe(404);
    expect((await admin("POST", `${unknown}/cancel`, {})).status).toBe(404);
    expect((await admin("GET", `${unknown}/differences`)).status).toBe(404);
  });
});

test(
  "by command line a dry run is followed to its end, and what is stopped is told by the exit code",
  { timeout: 180_000 },
  async () => {
    const { tenant, become } = await pullScene(house, people, { pageSize: 30 });
    await createPeople(house, tenant, people);
    become(people.map((one) => ({ ...one, active: false })));
    const rollcall = await commandLine(tenant);
    const dry = await rollcall("pull", "start", "idp", "--dry-run");
    expect([dry.code, dry.stdout]).toEqual([0, expect.stringMatching(/finished \(dry run\)[^]*shut_out 30/) as string]);
    const braked = await rollcall("pull", "start", "idp", "--json");
    expect([braked.code, JSON.parse(braked.stdout)]).toMatchObject([1, { state: "braked", brake: { would: 30 } }]);
    const { id } = JSON.parse(braked.stdout) as { id: string };
    expect((await rollcall("pull", "differences", id, "--kind", "shut_out")).stdout).toContain("p0000@example.test");
    expect((await rollcall("pull", "release", id)).code).toBe(2);
    const released = await rollcall("pull", "release", id, "--note", "they have left");
    expect([released.code, released.stdout]).toEqual([0, expect.stringMatching(/state +finished/) as string]);
    expect((await rollcall("pull", "schedule", "idp", "--every", "3600", "--count", "5")).code).toBe(0);
    expect((await rollcall("canary", "start", "idp", "--every", "3600")).code).toBe(0);
    expect((await rollcall("canary", "list")).stdout).toMatch(/idp +3600 s/);
  },
);

async function commandLine(tenant: TestTenant) {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  return (...args: readonly string[]) =>
    new Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>((resolve) => {
      // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
      const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
      const child = execFile(bin, ["--tenant", tenant.slug, ...args], { env }, (_error, stdout, stderr) =>
        resolve({ code: child.exitCode ?? -1, stdout, stderr }),
      );
    });
}
