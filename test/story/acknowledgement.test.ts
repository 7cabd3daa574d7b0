import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newGroup, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker"] });
await loseCommitsOf("doomed");

// PostgreSQL breaks off in the middle of COMMIT: the latest moment at which a change can still be lost.
describe("a change that PostgreSQL could not commit", () => {
  test("is not acknowledged, and is not there: a user who is created", async () => {
    const tenant = await createTenant(house);
    const answer = await tenant.scim("POST", "/Users", newUser("ann", { displayName: "doomed" }));
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(await countOf(tenant)).toEqual({ users: 0, groups: 0, events: 0 });
  });

  test("is not acknowledged, and is not there: a user who leaves", async () => {
    const tenant = await createTenant(house);
    const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
    await doom(tenant);
    const answer = await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect((await tenant.scim("GET", `/Users/${body["id"] as string}`)).body["active"]).toBe(true);
    expect(await countOf(tenant)).toEqual({ users: 1, groups: 0, events: 1 });
  });

  test("is not acknowledged, and is not there: a group", async () => {
    const tenant = await createTenant(house);
    const answer = await tenant.scim("POST", "/Groups", newGroup("doomed"));
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(await countOf(tenant)).toEqual({ users: 0, groups: 0, events: 0 });
  });
});

test("a change that is acknowledged is there with its event, for whoever looks next", async () => {
  const tenant = await createTenant(house);
  expect((await tenant.scim("POST", "/Users", newUser("ann"))).status).toBe(201);
  expect((await tenant.scim("POST", "/Groups", newGroup("Sales"))).status).toBe(201);
  expect(await countOf(tenant)).toEqual({ users: 1, groups: 1, events: 2 });
});

async function countOf(tenant: TestTenant): Promise<unknown> {
  const [row] = await house.database.once(
    tenant.id,
    sql`SELECT (SELECT count(*) FROM directory_user) AS users, (SELECT count(*) FROM directory_group) AS groups, (SELECT count(*) FROM lifecycle_event) AS events`,
  );
  return row;
}

/** From now on no event of this tenant survives its commit. */
async function doom(tenant: TestTenant): Promise<void> {
  await asOwner((owner) => owner.query("INSERT INTO doomed (tenant_id) VALUES ($1)", [tenant.id]));
}

async function loseCommitsOf(name: string): Promise<void> {
  await asOwner((owner) =>
    owner.query(`
      CREATE TABLE doomed (tenant_id uuid);
      CREATE FUNCTION lose_commit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF EXISTS (SELECT FROM doomed WHERE doomed.tenant_id = NEW.tenant_id)
            OR EXISTS (SELECT FROM directory_user WHERE id = NEW.subject_id AND attributes ->> 'displayName' = '${name}')
            OR EXISTS (SELECT FROM directory_group WHERE id = NEW.subject_id AND display_name = '${name}')
          THEN PERFORM pg_terminate_backend(pg_backend_pid());
          END IF;
          RETURN NULL;
        END $$;
      CREATE CONSTRAINT TRIGGER lose_commit AFTER INSERT ON lifecycle_event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lose_commit();`),
  );
}

async function asOwner(work: (owner: Client) => Promise<unknown>): Promise<void> {
  const owner = new Client({ connectionString: house.databaseUrl });
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}
