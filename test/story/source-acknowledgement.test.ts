import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { readDelivery } from "../deliveries/read-delivery.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { asOwner, doom, loseCommits } from "../harness/lost-commits.ts";
import { until } from "../harness/until.ts";
import { addVendor, isActive, post, provision, vendorNames, vendors } from "../harness/vendor-hooks.ts";

const house = await openHouse({ without: ["worker"] });
await loseCommits(house.databaseUrl);

describe.each(vendorNames)("%s is not told that a leaver is out", (name) => {
  const { leaver, subject } = vendors[name];
  const scene = async () => {
    const tenant = await createTenant(house);
    await provision(tenant, subject);
    return { tenant, source: await addVendor(house, tenant, name), body: readDelivery(leaver) };
  };

  test.each([true, false])("by a commit that fails (refused %s), and is when it comes again", async (refuse) => {
    const { tenant, source, body } = await scene();
    await doom(house.databaseUrl, tenant.id, refuse);
    const failed = await post(source, name, body);
    expect([failed.status, failed.headers.get("retry-after")]).toEqual([503, "5"]);
    expect([await isActive(tenant, subject), await notedOf(tenant)]).toEqual([true, 0]);
    await asOwner(house.databaseUrl, (owner) => owner.query("DELETE FROM doomed WHERE tenant_id = $1", [tenant.id]));
    expect((await post(source, name, body)).status).toBeLessThan(300);
    expect(await isActive(tenant, subject)).toBe(false);
  });

  test("before it is so: who must wait for the row waits for the answer", async () => {
    const { tenant, source, body } = await scene();
    let isAnswered = false;
    const answer = await asOwner(house.databaseUrl, async (owner) => {
      await owner.query("BEGIN");
      await owner.query("SELECT FROM directory_user WHERE tenant_id = $1 FOR UPDATE", [tenant.id]);
      const answering = post(source, name, body).then((response) => {
        isAnswered = true;
        return response;
      });
      await until("the delivery waits", async () => {
        const { rows } = await owner.query(
          "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND pg_backend_pid() = ANY(pg_blocking_pids(pid))",
        );
        return rows.length > 0;
      });
      expect(isAnswered).toBe(false);
      await owner.query("COMMIT");
      return answering;
    });
    expect(answer.status).toBeLessThan(300);
    expect(await isActive(tenant, subject)).toBe(false);
  });
});

test("an event that ails keeps back no other of its delivery, and the sender keeps all of them", async () => {
  const tenant = await createTenant(house);
  await provision(tenant, "ann", "bob");
  const source = await addVendor(house, tenant, "okta");
  const events = ["ann", "bob"].map((id) => ({
    uuid: `e-${id}`,
    eventType: "user.lifecycle.suspend",
    published: new Date().toISOString(),
    outcome: { result: "SUCCESS" },
    target: [{ id, type: "User" }],
  }));
  const body = JSON.stringify({ data: { events } });
  await asOwner(house.databaseUrl, (owner) =>
    owner.query(`
      CREATE FUNCTION ail() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.tenant_id = '${tenant.id}' AND NEW.external_id = 'ann' THEN RAISE EXCEPTION 'ails'; END IF; RETURN NEW; END $$;
      CREATE TRIGGER ail BEFORE UPDATE ON directory_user FOR EACH ROW EXECUTE FUNCTION ail();`),
  );
  expect((await post(source, "okta", body)).status).toBe(503);
  expect([await isActive(tenant, "ann"), await isActive(tenant, "bob")]).toEqual([true, false]);
  await asOwner(house.databaseUrl, (owner) => owner.query("DROP TRIGGER ail ON directory_user"));
  expect((await post(source, "okta", body)).status).toBe(204);
  expect(await isActive(tenant, "ann")).toBe(false);
});

test("nobody is told anything while the database is gone, and everybody is heard when it is back", async () => {
  const scenes = await Promise.all(
    vendorNames.map(async (name) => {
      const tenant = await createTenant(house);
      await provision(tenant, vendors[name].subject);
      return { name, tenant, source: await addVendor(house, tenant, name), body: readDelivery(vendors[name].leaver) };
    }),
  );
  const database = new URL(house.databaseUrl).pathname.slice(1);
  const elsewhere = new URL("/postgres", house.databaseUrl).href;
  await asOwner(elsewhere, async (owner) => {
    await owner.query(`ALTER DATABASE "${database}" ALLOW_CONNECTIONS false`);
    await owner.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", [database]);
  });
  for (const { name, source, body } of scenes)
    expect([name, (await post(source, name, body)).status]).toEqual([name, 503]);
  await asOwner(elsewhere, (owner) => owner.query(`ALTER DATABASE "${database}" ALLOW_CONNECTIONS true`));
  for (const { name, tenant, source, body } of scenes) {
    await until(`${name} is heard`, async () => (await post(source, name, body)).status < 300);
    expect([name, await isActive(tenant, vendors[name].subject)]).toEqual([name, false]);
  }
});

async function notedOf(tenant: TestTenant): Promise<number | undefined> {
  const [row] = await house.database.once<{ count: number }>(
    tenant.id,
    sql`SELECT count(*) AS count FROM source_event WHERE outcome <> 'unmatched'`,
  );
  return row?.count;
}
