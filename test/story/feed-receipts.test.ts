import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import {
  beginFeed,
  denySubject,
  houseFeedId,
  listGateways,
  readLag,
  recordReceipts,
  sql,
  watchGateways,
} from "@rollcall/core/store";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const { database } = house;
const staleSec = 30;

describe("a revocation is enforced", () => {
  test("when the slowest gateway that can be counted on has passed it, and not before", async () => {
    const tenant = await openTenant([]);
    await says(tenant, "slow", 0);
    for (const sub of ["ann", "bob"]) await deny(tenant, sub);
    await says(tenant, "slow", 1);
    await says(tenant, "quick", 2);
    expect(await enforced(tenant)).toEqual({ ann: true, bob: false });
    await says(tenant, "slow", 2);
    expect(await enforced(tenant)).toEqual({ ann: true, bob: true });
    const publishedToEnforced = await until("both are counted", async () => {
      const stage = (await readLag(database, tenant.id, 3_600)).stages.publishedToEnforced;
      return stage.count === 2 ? stage : undefined;
    });
    expect(publishedToEnforced.unknown).toBe(0);
    expect(publishedToEnforced.maxMs).toBeGreaterThanOrEqual(0);
  });

  test("without waiting for one that is blind, and by nobody while one follows an earlier epoch", async () => {
    const tenant = await openTenant(["ann"]);
    await says(tenant, "blind", 0, { asOf: new Date(Date.now() - 60_000) });
    await says(tenant, "sighted", 1);
    expect(await enforced(tenant)).toEqual({ ann: true });

    const other = await openTenant(["ann"]);
    await says(other, "elsewhere", 1, { epoch: 0 });
    await says(other, "sighted", 1);
    expect(await enforced(other)).toEqual({ ann: false });
  });

  test("by those who follow all tenants too: by none before both have it, and by those alone where there are no others", async () => {
    const [own, all, both] = await Promise.all([openTenant(["ann"]), openTenant(["ann", "bob"]), openTenant(["ann"])]);
    await beginFeed(database, houseFeedId);
    const seqOf = ({ slug }: TestTenant, sub: string) =>
      until("the feed of all tenants has taken it", async () => {
        const rows = await database.once<{ seq: number }>(
          houseFeedId,
          sql`SELECT seq FROM feed_entry WHERE tid = ${slug} AND sub = ${sub} AND superseded_by IS NULL`,
        );
        return rows[0]?.seq;
      });
    const [ann, bob] = [await seqOf(all, "ann"), await seqOf(all, "bob")];
    await says(own, "edge", 1);
    await says(both, "edge", 1);
    expect(await enforced(all)).toEqual({ ann: false, bob: false });

    await says({ id: houseFeedId }, "everywhere", Math.min(ann, bob));
    expect(await enforced(all)).toEqual({ ann: ann < bob, bob: bob < ann });
    const last = Math.max(ann, bob, await seqOf(own, "ann"), await seqOf(both, "ann"));
    await says({ id: houseFeedId }, "behind", last - 1);
    await says({ id: houseFeedId }, "everywhere", last);
    const late = [own, all, both].map((tenant) => enforced(tenant));
    expect((await Promise.all(late)).flatMap((one) => Object.values(one)).filter((is) => !is)).toHaveLength(1);
    await says({ id: houseFeedId }, "behind", last);
    expect(await enforced(own)).toEqual({ ann: true });
    expect(await enforced(all)).toEqual({ ann: true, bob: true });
    expect(await enforced(both)).toEqual({ ann: true });

    // What comes later, they have to bring to each other's gateways anew.
    await deny(both, "eve");
    await says(both, "edge", 2);
    expect(await enforced(both)).toEqual({ ann: true, eve: false });
    await says({ id: houseFeedId }, "behind", await seqOf(both, "eve"));
    await says({ id: houseFeedId }, "everywhere", await seqOf(both, "eve"));
    expect(await enforced(both)).toEqual({ ann: true, eve: true });
    await silence({ id: houseFeedId }, "everywhere", 7_200);
    await silence({ id: houseFeedId }, "behind", 7_200);
  });

  test("by no gateway that claims to be ahead of everything", async () => {
    const tenant = await openTenant(["ann"]);
    await says(tenant, "liar", 1_000_000);
    await deny(tenant, "bob");
    expect(await enforced(tenant)).toEqual({ ann: true, bob: false });
  });

  test("as explain tells it, gateway by gateway", async () => {
    const tenant = await openTenant(["ann"]);
    await says(tenant, "edge", 1);
    const admin = await adminOf(house, tenant);
    const { body } = await admin("POST", "/../explain", { sub: "ann", iss: tenant.issuer });
    const steps = body["steps"] as readonly { step: string; status: string; evidence: string }[];
    expect(steps.find(({ step }) => step === "gateway")).toMatchObject({
      status: "ok",
      evidence: expect.stringMatching(/^entry 1 is enforced by 1 of 1 gateways since /) as string,
    });
  });
});

test("a gateway is live, behind, blind or gone, by stated limits", async () => {
  const tenant = await openTenant(["ann"]);
  for (const name of ["live", "behind", "blind", "silent", "gone"]) await says(tenant, name, name === "behind" ? 0 : 1);
  await says(tenant, "blind", 1, { asOf: new Date(Date.now() - 60_000) });
  await database.once(tenant.id, sql`UPDATE feed_entry SET published_at = published_at - interval '10 seconds'`);
  await silence(tenant, "silent", 61);
  await silence(tenant, "gone", 3_601);
  const { items } = await listGateways(database, tenant.id, staleSec, { after: undefined, limit: 10 });
  expect(Object.fromEntries(items.map(({ name, standing }) => [name, standing]))).toEqual({
    live: "live",
    behind: "behind",
    blind: "blind",
    silent: "blind",
    gone: "gone",
  });
});

test("a blind gateway raises one alert, which closes when it has been well for a while, and not at its first word", async () => {
  const tenant = await openTenant(["ann"]);
  const wellSince = new Map<string, number>();
  const watch = (atSec: number) =>
    watchGateways(database, tenant.id, staleSec, wellSince, { ms: atSec * 1_000, newId });
  await says(tenant, "edge", 1);
  await watch(0);
  expect(await blind(tenant)).toBe(0);
  await silence(tenant, "edge", 61);
  await watch(5);
  await watch(10);
  expect(await blind(tenant)).toBe(1);
  await says(tenant, "edge", 1);
  await watch(15);
  await silence(tenant, "edge", 61);
  await watch(40);
  await says(tenant, "edge", 1);
  await watch(46);
  await watch(60);
  expect(await blind(tenant)).toBe(1);
  await watch(77);
  expect(await blind(tenant)).toBe(0);
});

test("a gateway that was struck off the list is on it again with its next word", async () => {
  const tenant = await openTenant(["ann"]);
  const admin = await adminOf(house, tenant);
  await says(tenant, "edge", 1);
  const path = `/tenants/${tenant.slug}/gateways`;
  const names = async () => (await admin("GET", path)).body["items"] as readonly { id: string; name: string }[];
  const [edge] = await names();
  expect((await admin("DELETE", `${path}/${edge?.id}`)).status).toBe(204);
  expect((await admin("DELETE", `${path}/${edge?.id}`)).status).toBe(404);
  expect(await names()).toEqual([]);
  await says(tenant, "edge", 1);
  expect((await names()).map(({ name }) => name)).toEqual(["edge"]);
});

async function openTenant(subs: readonly string[]): Promise<TestTenant> {
  const tenant = await createTenant(house);
  for (const sub of subs) await deny(tenant, sub);
  return tenant;
}

async function deny(tenant: TestTenant, sub: string): Promise<void> {
  await denySubject(database, tenant.id, { iss: tenant.issuer, sub }, { actor: "test", at: new Date() });
  await untilQuiet(house, tenant.id);
}

async function says(
  tenant: Pick<TestTenant, "id">,
  gateway: string,
  seq: number,
  more: { readonly asOf?: Date; readonly epoch?: number } = {},
): Promise<void> {
  const word = { gateway, epoch: 1, seq, asOf: new Date(), entries: 1, digest: Buffer.alloc(32), ...more };
  await recordReceipts(database, tenant.id, [word], staleSec);
}

async function silence(tenant: Pick<TestTenant, "id">, name: string, seconds: number): Promise<void> {
  await database.once(
    tenant.id,
    sql`UPDATE receipt SET received_at = now() - ${seconds} * interval '1 second', as_of = now() - ${seconds} * interval '1 second'
      FROM gateway WHERE gateway.id = receipt.gateway_id AND gateway.name = ${name}`,
  );
}

async function enforced(tenant: TestTenant): Promise<Record<string, boolean>> {
  const admin = await adminOf(house, tenant);
  const { body } = await admin("GET", `/tenants/${tenant.slug}/revocations`);
  const items = body["items"] as readonly { sub: string; enforcedAt: string | null }[];
  return Object.fromEntries(items.map(({ sub, enforcedAt }) => [sub, enforcedAt !== null]));
}

async function blind(tenant: TestTenant): Promise<number> {
  const rows = await database.once(
    tenant.id,
    sql`SELECT id FROM alert WHERE kind = 'gateway_blind' AND resolved_at IS NULL`,
  );
  return rows.length;
}
