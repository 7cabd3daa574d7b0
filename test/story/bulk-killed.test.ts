import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, expect, onTestFinished, test } from "vitest";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { migrate, sql } from "@rollcall/core/store";
import { create, sendBulk } from "../harness/bulk.ts";
import { houseSecret, openHouse } from "../harness/house.ts";
import { asOwner } from "../harness/lost-commits.ts";
import { spawnRole } from "../harness/role.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// A server of the file's own, on its defaults: an ingest starts on no other.
const directory = await mkdtemp(path.join(tmpdir(), "rollcall-killed-"));
await chmod(directory, 0o755);
const postgres = await startPostgres({ directory });
await migrate(postgres.url);
// Said first and so done last: the house still needs the server when it closes.
afterAll(async () => {
  await postgres.stop();
  await rm(directory, { recursive: true, force: true });
});
const house = await openHouse({ databaseUrl: postgres.url, without: ["worker", "publisher"] });
const people = 150;
const circles = 30;
const circleSize = 4;

test.each([1, 40, 200])(
  "killed once %i resources are there, an ingest leaves each operation of its Bulk whole or not at all",
  async (begun) => {
    const tenant = await createTenant(house);
    const port = await freePort();
    const ingest = spawnRole("ingest", {
      DATABASE_URL: `${house.databaseUrl}?application_name=${tenant.slug}`,
      ROLLCALL_SECRET: houseSecret,
      INGEST_PORT: String(port),
      LOG_LEVEL: "silent",
    });
    const exited = new Promise((resolve) => ingest.once("exit", resolve));
    onTestFinished(() => void ingest.kill("SIGKILL"));
    const url = `http://127.0.0.1:${port}`;
    await until("ingest is ready", async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.ok);

    const bulk = sendBulk(tenant, operations(), {}, url).catch(() => undefined);
    await until("the Bulk is under way", async () => (await stateOf(tenant)).resources >= begun);
    ingest.kill("SIGKILL");
    await exited;
    expect(await bulk).toBeUndefined();

    // What it had sent before may be committed after it.
    await until("the database has done with it", async () => (await connectionsOf(tenant.slug)) === 0);

    const killed = await stateOf(tenant);
    // Every resource has its event, every group its one member, and of a circle there is all or nothing.
    expect(killed.withoutEvent).toBe(0);
    expect(killed.emptyGroups).toBe(0);
    expect(killed.brokenCircles).toBe(0);

    // Sent again to another ingest, what is there conflicts and what is not is created.
    const again = await sendBulk(tenant, operations());
    expect(again.statuses.filter((status) => status === "201").length + killed.resources).toBe(operations().length);
    expect(new Set(again.statuses)).toEqual(new Set(["201", "409"]));
    expect(await stateOf(tenant)).toEqual({
      resources: operations().length,
      withoutEvent: 0,
      emptyGroups: 0,
      brokenCircles: 0,
    });
  },
);

function connectionsOf(name: string): Promise<number> {
  return asOwner(house.databaseUrl, async (owner) => {
    const { rows } = await owner.query("SELECT FROM pg_stat_activity WHERE application_name = $1", [name]);
    return rows.length;
  });
}

/** People, each in a group of their own by externalId, so that a second Bulk finds them; and rings of groups. */
function operations() {
  const alone = Array.from({ length: people }, (_, nth) => [
    create("/Users", `u${nth}`, newUser(`u${nth}`)),
    create("/Groups", `g${nth}`, newGroup(`alone ${nth}`, [`u${nth}`])),
  ]);
  const rings = Array.from({ length: circles }, (_, ring) =>
    Array.from({ length: circleSize }, (_unused, nth) => {
      const next = `bulkId:r${ring}-${(nth + 1) % circleSize}`;
      return create("/Groups", `r${ring}-${nth}`, newGroup(`ring ${ring} ${nth}`, [next]));
    }),
  );
  return alone.flatMap((two, nth) => [...two, ...(rings[nth] ?? [])]);
}

type State = {
  readonly resources: number;
  readonly withoutEvent: number;
  readonly emptyGroups: number;
  readonly brokenCircles: number;
};

async function stateOf({ id }: TestTenant): Promise<State> {
  const [row] = await house.database.once<State>(
    id,
    sql`WITH made AS (SELECT id FROM directory_user UNION ALL SELECT id FROM directory_group)
      SELECT (SELECT count(*) FROM made) AS resources,
        (SELECT count(*) FROM made WHERE NOT EXISTS (SELECT FROM lifecycle_event WHERE subject_id = made.id)) AS "withoutEvent",
        (SELECT count(*) FROM directory_group AS grp WHERE (SELECT count(*) FROM directory_member WHERE group_id = grp.id) <> 1) AS "emptyGroups",
        (SELECT count(*) FROM (SELECT split_part(display_name, ' ', 2) FROM directory_group WHERE display_name LIKE 'ring %' GROUP BY 1 HAVING count(*) <> ${circleSize}) AS ring) AS "brokenCircles"`,
  );
  if (row === undefined) throw new Error("a count has no row");
  return row;
}
