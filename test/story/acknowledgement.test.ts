import { describe, expect, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import { doom, loseCommits } from "../harness/lost-commits.ts";
import { createTenant, deactivate, newGroup, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker"] });
await loseCommits(house.databaseUrl);

type Fault = "COMMIT is refused" | "the connection ends in the middle of COMMIT";
const faults: readonly Fault[] = ["COMMIT is refused", "the connection ends in the middle of COMMIT"];

describe.each(faults)("%s:", (fault) => {
  test("a user who is created is not acknowledged and not there", async () => {
    const tenant = await createTenant(house);
    await doom(house.databaseUrl, tenant.id, fault === "COMMIT is refused");
    const answer = await tenant.scim("POST", "/Users", newUser("ann"));
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect(await countOf(tenant)).toEqual({ users: 0, groups: 0, events: 0 });
  });

  test("a user who leaves is not acknowledged and still there", async () => {
    const tenant = await createTenant(house);
    const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
    await doom(house.databaseUrl, tenant.id, fault === "COMMIT is refused");
    const answer = await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    expect(answer.status).toBeGreaterThanOrEqual(500);
    expect((await tenant.scim("GET", `/Users/${body["id"] as string}`)).body["active"]).toBe(true);
    expect(await countOf(tenant)).toEqual({ users: 1, groups: 0, events: 1 });
  });

  test("a group is not acknowledged and not there", async () => {
    const tenant = await createTenant(house);
    await doom(house.databaseUrl, tenant.id, fault === "COMMIT is refused");
    const answer = await tenant.scim("POST", "/Groups", newGroup("Sales"));
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
