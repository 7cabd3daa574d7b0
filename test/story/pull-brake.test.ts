import { expect, describe, test } from "vitest";
import { DirectoryError } from "@rollcall/core/domain";
import { cancelPull, findPull, type Pull, releasePull, sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { admitted, createPeople, crowd, pullScene, type PullScene } from "../harness/pull-scene.ts";
import type { Person } from "../harness/providers/provider-server.ts";
import { eager, rowOf } from "../harness/read-back-scene.ts";
import { deactivate, patch } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse({ readBacks: eager });

describe("a mass change waits for a person", () => {
  const many = crowd(60);

  test("it changes nothing before it is released, tells of itself, and is not gone around", async () => {
    const { tenant, become, pull, ended, differences } = await pullScene(house, many, { pageSize: 30 });
    await createPeople(house, tenant, many);
    await agree({ tenant, pull, ended });
    become(many.map((one, at) => (at < 21 ? { ...one, active: false } : one)));
    const braked = await pull();
    expect(braked).toMatchObject({
      state: "braked",
      finishedAt: null,
      found: { shut_out: 21 },
      brake: { cause: "shut_out", share: 0.05, count: 20, would: 21, of: 60 },
    });
    expect(braked.reason).toMatch(/it would shut out 21 of 60 users/);
    expect((await admitted(house, tenant)).size).toBe(60);
    expect((await differences(braked.id)).every(({ outcome }) => outcome === null)).toBe(true);
    const alerts = await alertsOf(tenant.id);
    expect(alerts.at(-1)).toMatchObject({
      kind: "mass_change_braked",
      resolvedAt: null,
      detail: { would: 21, of: 60, run: braked.id },
    });
    // A schedule begins none beside it, and an admin's own is refused.
    await house.database.once(
      tenant.id,
      sql`UPDATE connection SET pull = '{"everySec":0,"brakeShare":1,"brakeCount":1000}'`,
    );
    await expect(pull()).rejects.toThrow(DirectoryError);
    // An explicit push is never held up.
    const [row] = await house.database.once<{ id: string }>(
      tenant.id,
      sql`SELECT id FROM directory_user WHERE external_id = 'p0059'`,
    );
    expect((await tenant.scim("PATCH", `/Users/${row?.id}`, deactivate)).status).toBe(200);
    expect((await admitted(house, tenant)).size).toBe(59);
    await house.database.once(tenant.id, sql`UPDATE connection SET pull = NULL`);
    await releasePull(house.database, tenant.id, braked.id, { actor: "ann", note: "they have left" });
    expect(await released(ended, braked.id)).toMatchObject({ state: "finished", settled: 21 });
    expect((await admitted(house, tenant)).size).toBe(38);
    expect((await alertsOf(tenant.id)).at(-1)).toMatchObject({ resolvedAt: expect.any(Date) as Date });
    expect(await auditOf(tenant.id, braked.id)).toEqual(["pull.start", "pull.release"]);
  });

  test("twenty are not too many, and cancelling leaves everything as it is", async () => {
    const { tenant, become, pull, ended } = await pullScene(house, many, { pageSize: 30 });
    await createPeople(house, tenant, many);
    await agree({ tenant, pull, ended });
    become(many.map((one, at) => (at < 20 ? { ...one, active: false } : one)));
    expect(await pull()).toMatchObject({ state: "finished", brake: null });
    become(many.map((one, at) => (at < 45 ? { ...one, active: false } : one)));
    const braked = await pull();
    expect(braked).toMatchObject({ state: "braked", brake: { would: 25, of: 40 } });
    expect(await cancelPull(house.database, tenant.id, braked.id, "ann")).toMatchObject({ state: "cancelled" });
    expect((await admitted(house, tenant)).size).toBe(40);
    expect(await pull()).toMatchObject({ state: "braked" });
  });

  test("strikes, when it is released late, nobody of whom something was said since", async () => {
    const { tenant, become, pull, ended, differences } = await pullScene(house, many, { pageSize: 30 });
    await createPeople(house, tenant, many);
    await agree({ tenant, pull, ended });
    become(many.map((one, at) => (at < 21 ? { ...one, active: false } : one)));
    const { id } = await pull();
    const [row] = await house.database.once<{ id: string }>(
      tenant.id,
      sql`SELECT id FROM directory_user WHERE external_id = 'p0000'`,
    );
    await tenant.scim("PATCH", `/Users/${row?.id}`, patch({ op: "replace", path: "title", value: "Chief" }));
    become(many);
    await releasePull(house.database, tenant.id, id, { actor: "ann", note: "go on" });
    await released(ended, id);
    expect(await rowOf(house, tenant, "p0000")).toMatchObject({ active: true });
    expect((await admitted(house, tenant)).size).toBe(40);
    expect((await differences(id)).find(({ name }) => name === many[0]?.email)).toMatchObject({ outcome: "stale" });
  });

  test("lets nobody in by what it said more than a day ago, and its release says what to do", async () => {
    const { run, tenant, strangers } = await brakedLastWeek();
    const releasing = releasePull(house.database, tenant.id, run.id, { actor: "ann", note: "go on" });
    await expect(releasing).rejects.toMatchObject({
      code: "value_invalid",
      message: expect.stringMatching(/more than a day ago.*cancel it, and list again/) as string,
    });
    expect(await findPull(house.database, tenant.id, run.id)).toMatchObject({ state: "braked", settled: 0 });
    expect(await auditOf(tenant.id, run.id)).toEqual(["pull.start"]);
    expect(await strangers()).toEqual([]);
    expect((await admitted(house, tenant)).size).toBe(59);
    await cancelPull(house.database, tenant.id, run.id, "ann");
  });

  test("lets nobody in by it either where it was released in time and could not go on", async () => {
    const { run, tenant, strangers, ended } = await brakedLastWeek();
    await house.database.once(
      tenant.id,
      sql`UPDATE pull_run SET state = 'applying', due_at = now(), taken_until = NULL WHERE id = ${run.id}`,
    );
    const end = await released(ended, run.id);
    expect(end).toMatchObject({ state: "failed", settled: 0 });
    expect(end.reason).toMatch(/more than a day ago/);
    expect(await strangers()).toEqual([]);
  });

  test("that a third is changed is a mass change too", async () => {
    const { tenant, become, pull, ended } = await pullScene(house, many, { pageSize: 30 });
    await createPeople(house, tenant, many);
    await agree({ tenant, pull, ended });
    become(many.map((one, at) => (at < 21 ? { ...one, name: "Changed" } : one)));
    expect(await pull()).toMatchObject({ state: "braked", brake: { cause: "changed", would: 21, of: 60, share: 0.3 } });
  });
});

/** A listing that was stopped a week ago; whoever it would let in has left meanwhile, and nobody told of it. */
async function brakedLastWeek() {
  const { tenant, become, pull, ended } = await pullScene(house, crowd(60), {
    pageSize: 30,
    settings: { creates: "yes" },
  });
  const people = crowd(60);
  await createPeople(house, tenant, people);
  await agree({ tenant, pull, ended });
  const dora = { ...(people[59] as Person), active: false };
  become([...people.slice(0, 59), dora]);
  expect(await pull()).toMatchObject({ state: "finished", found: { shut_out: 1 } });
  const carl: Person = { id: "carl", name: "Carl", email: "carl@example.test", active: true };
  become([...people.map((one, at) => (at < 21 ? { ...one, active: false } : one)), carl]);
  const run = await pull();
  expect(run).toMatchObject({ state: "braked", found: { shut_out: 21, let_in: 1, new: 1 } });
  become([...people.slice(0, 59), dora]);
  const back = sql`interval '7 days'`;
  await house.database.once(tenant.id, sql`UPDATE pull_run SET asked_at = asked_at - ${back} WHERE id = ${run.id}`);
  await house.database.once(
    tenant.id,
    sql`UPDATE directory_user SET created_at = created_at - ${back}, updated_at = updated_at - ${back}, stated_at = stated_at - ${back}`,
  );
  const strangers = async (): Promise<readonly string[]> =>
    [...(await admitted(house, tenant))].filter((id) => id === "carl" || id === dora.id);
  return { tenant, run, ended, strangers };
}

/** Brings the directory to what the provider says of everybody, which is more than SCIM said. */
async function agree({ tenant, pull, ended }: Pick<PullScene, "tenant" | "pull" | "ended">): Promise<void> {
  const { id, state } = await pull();
  if (state !== "braked") return;
  await releasePull(house.database, tenant.id, id, { actor: "ann", note: "it is the first one" });
  await released(ended, id);
}

function released(ended: PullScene["ended"], id: string): Promise<Pull> {
  return until("it has gone on", async () => {
    const run = await ended(id);
    return run.state === "braked" ? undefined : run;
  });
}

async function alertsOf(tenantId: string) {
  return house.database.once<{ kind: string; detail: unknown; resolvedAt: Date | null }>(
    tenantId,
    sql`SELECT kind, detail, resolved_at AS "resolvedAt" FROM alert WHERE kind = 'mass_change_braked' ORDER BY id`,
  );
}

async function auditOf(tenantId: string, target: string): Promise<readonly string[]> {
  const rows = await house.database.once<{ action: string }>(
    tenantId,
    sql`SELECT action FROM audit WHERE target = ${target} ORDER BY id`,
  );
  return rows.map(({ action }) => action);
}
