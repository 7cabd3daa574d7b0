import { expect, test } from "vitest";
import { create, countRows, sendBulk } from "../harness/bulk.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant, deactivate, newUser, type TestTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });

const thousand = (prefix: string) =>
  Array.from({ length: 1_000 }, (_, nth) => create("/Users", `${nth}`, newUser(`${prefix}${nth}`)));

test(
  "Bulks of a thousand starve nobody: other connections, and the same one's denials, are served among them",
  { timeout: 120_000 },
  async () => {
    const [busy, other] = [await createTenant(house), await createTenant(house)];
    const leaver = await created(busy, "leaver");
    const done: string[] = [];
    const bulks = ["a", "b"].map(async (prefix) => {
      const answer = await sendBulk(busy, thousand(prefix));
      done.push(prefix);
      return answer;
    });
    // One after the other, each with all the Bulks under way.
    for (let nth = 0; nth < 10; nth += 1) await created(other, `u${nth}`);
    expect((await busy.scim("PATCH", `/Users/${leaver}`, deactivate)).status).toBe(200);
    expect(done).toEqual([]);
    for (const { statuses } of await Promise.all(bulks)) expect(new Set(statuses)).toEqual(new Set(["201"]));
    expect(await countRows(house, busy)).toMatchObject({ users: 2_001 });
  },
);

test("of too many Bulks at once, the rest is told to come back, and nothing of it is done", async () => {
  const tenant = await createTenant(house);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, nth) => sendBulk(tenant, thousand(`${nth}-`).slice(0, 50))),
  );
  const served = answers.filter(({ status }) => status === 200);
  const refused = answers.filter(({ status }) => status === 429);
  expect(served.length).toBeGreaterThanOrEqual(8);
  expect(served.length + refused.length).toBe(12);
  for (const { headers } of refused) expect(headers.get("retry-after")).toBe("1");
  expect(await countRows(house, tenant)).toMatchObject({ users: 50 * served.length });
});

async function created(tenant: TestTenant, name: string): Promise<string> {
  const answer = await tenant.scim("POST", "/Users", newUser(name));
  expect(answer.status).toBe(201);
  return answer.body["id"] as string;
}
