import { newId } from "@rollcall/core/runtime";
import { converge, markApplied, sql, takeEvents } from "@rollcall/core/store";
import { createDrain } from "@rollcall/worker";
import { describe, expect, test } from "vitest";
import { openHouse, quietLog } from "../harness/house.ts";
import { interleave } from "../harness/interleave.ts";
import { createPerson, type Person } from "../harness/linked-person.ts";
import { deactivate, patch } from "../harness/tenant.ts";
import { applyAll } from "../harness/user-store.ts";

// Nobody applies anything but the story, which says who stops where.
const house = await openHouse({ without: ["worker", "publisher"] });
const { database } = house;
const drain = createDrain({ database, log: quietLog, newId });
const rename = patch({ op: "replace", path: "externalId", value: "ann.2" });

describe("a worker that stops in the middle, while somebody else ends the person's access", () => {
  test.each<readonly [string, (at: number | undefined) => Promise<Scene>]>([
    [
      "it renames the user, and the other provider deletes whom an admin has linked to it",
      async (at) => {
        const one = await createPerson(house, drain);
        await one.link();
        await applyAll(drain);
        await one.tenant.scim("PATCH", `/Users/${one.userId}`, rename);
        const early = await waitingIds(one);
        return play(one, early, at, async () => {
          await one.other.scim("DELETE", `/Users/${one.addedId}`);
          const late = (await waitingIds(one)).filter((id) => !early.includes(id));
          return () => apply(one, late);
        });
      },
    ],
    [
      "it ends the other, whom an admin links to the user",
      async (at) => {
        const one = await createPerson(house, drain);
        await one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate);
        return play(one, await waitingIds(one), at, () => Promise.resolve(() => one.link()));
      },
    ],
    [
      "it brings a new subject of the user, to whom an admin links a leaver",
      async (at) => {
        const one = await createPerson(house, drain);
        await one.other.scim("PATCH", `/Users/${one.addedId}`, deactivate);
        await applyAll(drain);
        await one.tenant.scim("PATCH", `/Users/${one.userId}`, rename);
        return play(one, await waitingIds(one), at, () => Promise.resolve(() => one.link()));
      },
    ],
  ])("loses no denial, wherever it stops: %s", async (_what, scene) => {
    const straight = await scene(undefined);
    expect(straight.open).toEqual([]);
    expect(straight.statements).toBeGreaterThan(8);
    for (let at = 0; at < straight.statements; at += 1)
      expect((await scene(at)).open, `stopped before statement ${at}`).toEqual([]);
  });
});

type Scene = { readonly statements: number; readonly open: readonly unknown[] };

/** Answers which of the person's subjects are not denied after all of it, and how many statements the first worker had. */
async function play(
  one: Person,
  ids: readonly number[],
  at: number | undefined,
  meanwhile: () => Promise<() => Promise<unknown>>,
): Promise<Scene> {
  const { tenant } = one;
  const statements = await interleave(house, tenant.id, ids, at, meanwhile);
  await applyAll(drain);
  expect(await one.failures()).toEqual([]);
  const open = await database.once(
    tenant.id,
    sql`SELECT identity.sub FROM identity LEFT JOIN revocation ON revocation.scope = 'sub' AND revocation.iss = identity.iss AND revocation.sub = identity.sub_key
      WHERE identity.user_id = ${one.userId} AND revocation.deny IS NOT TRUE`,
  );
  return { statements, open };
}

async function apply({ tenant }: Person, ids: readonly number[]): Promise<void> {
  await database.inTenant(tenant.id, async (transaction) => {
    await converge(transaction, tenant.id, await takeEvents(transaction, ids));
    await markApplied(transaction, ids);
  });
}

async function waitingIds({ tenant }: Person): Promise<readonly number[]> {
  const rows = await database.once<{ id: number }>(
    tenant.id,
    sql`SELECT id FROM lifecycle_event WHERE applied_at IS NULL ORDER BY id`,
  );
  return rows.map(({ id }) => id);
}
