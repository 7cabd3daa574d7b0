import { describe, expect, test } from "vitest";
import { type ChangeTopic, readChangeMarks, sql } from "@rollcall/core/store";
import { newId } from "@rollcall/core/runtime";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";

// Nobody applies, publishes or compares here: what changes is what the story changes.
const house = await openHouse({ without: ["worker", "publisher", "resyncs"] });

type Change = (tenant: TestTenant) => Promise<unknown>;

const once = (statement: (tenant: TestTenant) => ReturnType<typeof sql>): Change => {
  return (tenant) => house.database.once(tenant.id, statement(tenant));
};
const giveUp = once(({ id }) => sql`UPDATE lifecycle_event SET dead_at = now(), attempts = 8 WHERE tenant_id = ${id}`);
const pull = once(
  ({ id, connectionId }) =>
    sql`INSERT INTO pull_run (id, tenant_id, connection_id, dry_run, due_at) VALUES (${newId()}, ${id}, ${connectionId}, true, now() + interval '1 hour')`,
);
const resync = once(
  ({ id }) => sql`INSERT INTO reconcile_run (id, tenant_id, scope, total) VALUES (${newId()}, ${id}, 'tenant', 9)`,
);
const alert = once(
  ({ id }) => sql`INSERT INTO alert (id, tenant_id, kind, key, detail) VALUES (${newId()}, ${id}, 'lag', 'x', '{}')`,
);
const canary: Change = async (tenant) => {
  const { id, connectionId } = tenant;
  await once(
    () => sql`INSERT INTO canary (connection_id, tenant_id, deadline_ms) VALUES (${connectionId}, ${id}, 1000)`,
  )(tenant);
  await once(
    () => sql`INSERT INTO canary_run (id, tenant_id, connection_id) VALUES (${newId()}, ${id}, ${connectionId})`,
  )(tenant);
};

describe("whoever follows a tenant is told to look again", () => {
  test.each<readonly [what: string, topic: ChangeTopic, before: readonly Change[], change: Change]>([
    ["an event is given up", "events", [], giveUp],
    [
      "one that was given up is dropped",
      "events",
      [giveUp],
      once(({ id }) => sql`UPDATE lifecycle_event SET dropped_at = now() WHERE tenant_id = ${id}`),
    ],
    [
      "one that was given up is tried again",
      "events",
      [giveUp],
      once(({ id }) => sql`UPDATE lifecycle_event SET dead_at = NULL, attempts = 1 WHERE tenant_id = ${id}`),
    ],
    ["a listing begins", "runs", [], pull],
    [
      "a listing waits for somebody",
      "runs",
      [pull],
      once(({ id }) => sql`UPDATE pull_run SET state = 'braked' WHERE tenant_id = ${id}`),
    ],
    [
      "a resync is taken in hand",
      "runs",
      [resync],
      once(({ id }) => sql`UPDATE reconcile_run SET state = 'running', begun_at = now() WHERE tenant_id = ${id}`),
    ],
    [
      "a resync has come on",
      "runs",
      [resync],
      once(({ id }) => sql`UPDATE reconcile_run SET compared = 5 WHERE tenant_id = ${id}`),
    ],
    [
      "a canary's round is over",
      "runs",
      [canary],
      once(({ id }) => sql`UPDATE canary_run SET finished_at = now() WHERE tenant_id = ${id}`),
    ],
    [
      "an alert has become worse",
      "alerts",
      [alert],
      once(({ id }) => sql`UPDATE alert SET level = 2, told_at = clock_timestamp() WHERE tenant_id = ${id}`),
    ],
  ])("when %s", async (_what, topic, before, change) => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("ann"));
    for (const step of before) await step(tenant);
    const marks = await readChangeMarks(house.database, tenant.id);
    expect(await readChangeMarks(house.database, tenant.id)).toEqual(marks);
    await change(tenant);
    expect((await readChangeMarks(house.database, tenant.id))[topic]).not.toBe(marks[topic]);
  });
});
