import { expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { laneCount } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { openHouse, quietLog } from "../harness/house.ts";
import { createTenant, newGroup, newUser, patch, type TestTenant } from "../harness/tenant.ts";
import { readUserStore } from "../harness/user-store.ts";

const house = await openHouse({ without: ["worker"] });
const drain = createDrain({ database: house.database, log: quietLog, newId });
const userCount = 96;
const groupCount = 32;

test("lanes that are applied at the same moment never wait for each other in a circle, whatever users and groups they share", async () => {
  const tenant = await createTenant(house);
  const users = await createAll(tenant, userCount, (name) => ["/Users", newUser(name)]);
  const groups = await createAll(tenant, groupCount, (name, index) => ["/Groups", newGroup(name, every(users, index))]);
  await applyTogether();
  for (let round = 1; round <= 6; round += 1) {
    await Promise.all(
      groups.map((id, index) =>
        round % 3 === 0 && index % 4 === 0
          ? tenant.scim("DELETE", `/Groups/${id}`)
          : tenant.scim("PATCH", `/Groups/${id}`, regrouped(round, every(users, index + round))),
      ),
    );
    await createAll(tenant, 8, (name) => ["/Groups", newGroup(`${name} of ${round}`, every(users, round))]);
    await applyTogether();
  }
  const shown = [...(await readUserStore(house, tenant.id)).values()].map(({ id, groups: names }) => [id, names]);
  expect(new Map(shown as [string, string[]][])).toEqual(await directoryOf(tenant));
});

/** Every lane at once, and a second worker that comes upon them too. A circle ends one of them with an error. */
async function applyTogether(): Promise<void> {
  const lanes = Array.from({ length: laneCount * 2 }, (_, index) => index % laneCount);
  await Promise.all(lanes.map(drain));
}

async function createAll(
  tenant: TestTenant,
  count: number,
  of: (name: string, index: number) => readonly [string, unknown],
): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const created = await tenant.scim("POST", ...of(`n${index}`, index));
      return created.body["id"] as string;
    }),
  );
}

function every(users: readonly string[], offset: number): readonly string[] {
  return users.filter((_, index) => (index + offset) % 3 === 0);
}

function regrouped(round: number, members: readonly string[]): unknown {
  return patch(
    { op: "replace", path: "members", value: members.map((value) => ({ value })) },
    { op: "add", path: "externalId", value: `round ${round} ${newId()}` },
  );
}

async function directoryOf(tenant: TestTenant): Promise<ReadonlyMap<string, readonly string[]>> {
  const { body } = await tenant.scim("GET", "/Users?count=200");
  const users = body["Resources"] as readonly {
    readonly id: string;
    readonly groups?: readonly { readonly display: string }[];
  }[];
  return new Map(users.map(({ id, groups = [] }) => [id, groups.map(({ display }) => display).toSorted()]));
}
