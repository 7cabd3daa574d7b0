import { afterAll, expect, test } from "vitest";
import { demoAudience, startIdentityProvider } from "@rollcall/cli/identity-provider";
import { sql } from "@rollcall/core/store";
import { createGuard, type Guard, type GuardOptions } from "@rollcall/guard";
import { openHouse } from "../harness/house.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// A real provider's tokens, the real feed, the published guard: what is told here is what a gateway does.
const house = await openHouse();
const provider = await startIdentityProvider();
afterAll(() => provider.close());

type Scene = { readonly tenant: TestTenant; readonly guard: Guard };

async function openGateway(options: Partial<GuardOptions> = {}): Promise<Scene> {
  const tenant = await createTenant(house, { issuer: provider.issuer });
  const guard = createGuard({
    issuers: [{ issuer: provider.issuer, audience: demoAudience }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" },
    stale: "deny",
    unknown: "resolve",
    resolve: { url: `${house.url}/v1/resolve`, token: tenant.feedToken },
    ...options,
  });
  await guard.start();
  afterAll(() => guard.close());
  return { tenant, guard };
}

async function create(tenant: TestTenant, sub: string, more: Record<string, unknown> = {}): Promise<string> {
  const created = await tenant.scim("POST", "/Users", newUser(sub, more));
  expect(created.status).toBe(201);
  return created.body["id"] as string;
}

async function setActive(tenant: TestTenant, id: string, active: boolean): Promise<void> {
  const answer = await tenant.scim("PATCH", `/Users/${id}`, {
    schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    Operations: [{ op: "replace", value: { active } }],
  });
  expect(answer.status).toBe(200);
}

const reasonOf = async (guard: Guard, token: string): Promise<string> => (await guard.check(token)).reason;

test("a joiner is admitted in the very next request, every time", async () => {
  const { tenant, guard } = await openGateway();
  for (let at = 0; at < 50; at += 1) {
    const token = await provider.tokenFor(`joiner-${at}`);
    const id = await create(tenant, `joiner-${at}`);
    expect(await guard.check(token)).toMatchObject({ allow: true, user: { id } });
  }
});

test("a joiner is admitted in the very next request though no worker runs", async () => {
  const idle = await openHouse({ without: ["worker"] });
  const tenant = await createTenant(idle, { issuer: provider.issuer });
  const { guard } = await openGateway({
    feed: { url: `${idle.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" },
    resolve: { url: `${idle.url}/v1/resolve`, token: tenant.feedToken },
  });
  const id = await create(tenant, "early");
  expect(await guard.check(await provider.tokenFor("early"))).toMatchObject({ allow: true, user: { id } });
});

test("a leaver is refused with the same, still unexpired token, and nobody else is", async () => {
  const { tenant, guard } = await openGateway();
  const [leaver, stayer] = await Promise.all(["leaver", "stayer"].map((sub) => provider.tokenFor(sub)));
  const id = await create(tenant, "leaver");
  await create(tenant, "stayer");
  expect(await reasonOf(guard, leaver as string)).toBe("ok");
  expect(await reasonOf(guard, stayer as string)).toBe("ok");

  await setActive(tenant, id, false);
  await until("the leaver is refused", async () => (await reasonOf(guard, leaver as string)) === "revoked");
  expect(await reasonOf(guard, stayer as string)).toBe("ok");
});

test("a deleted user is refused, and stays refused", async () => {
  const { tenant, guard } = await openGateway();
  const token = await provider.tokenFor("deleted");
  const id = await create(tenant, "deleted");
  expect(await reasonOf(guard, token)).toBe("ok");
  expect((await tenant.scim("DELETE", `/Users/${id}`)).status).toBe(204);
  await until("the deleted user is refused", async () => (await reasonOf(guard, token)) === "revoked");
  expect(
    (await tenant.scim("PATCH", `/Users/${id}`, { Operations: [{ op: "replace", value: { active: true } }] })).status,
  ).toBe(404);
  expect(await reasonOf(guard, token)).toBe("revoked");
});

test("who comes back is admitted with a new token, and the old one stays dead", async () => {
  const { tenant, guard } = await openGateway();
  const old = await provider.tokenFor("returner");
  const id = await create(tenant, "returner");
  expect(await reasonOf(guard, old)).toBe("ok");
  await setActive(tenant, id, false);
  await until("the leaver is refused", async () => (await reasonOf(guard, old)) === "revoked");
  await setActive(tenant, id, true);
  await until("the old token is too old", async () => (await reasonOf(guard, old)) === "issued_before_revocation");
  await until(
    "a new token is admitted",
    async () => (await reasonOf(guard, await provider.tokenFor("returner"))) === "ok",
  );
  expect(await reasonOf(guard, old)).toBe("issued_before_revocation");
});

test("a token of nobody is refused as unknown, and is not remembered as such", async () => {
  const { tenant, guard } = await openGateway();
  const token = await provider.tokenFor("late");
  expect(await reasonOf(guard, token)).toBe("subject_unknown");
  await create(tenant, "late");
  expect(await reasonOf(guard, token)).toBe("ok");
});

test("a denial that nobody applies makes a gateway know that it is blind; a profile change does not", async () => {
  const stuck = await openHouse({ without: ["worker"] });
  const tenant = await createTenant(stuck, { issuer: provider.issuer });
  const follow = { url: `${stuck.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "story" };
  const id = await create(tenant, "stuck");
  const token = await provider.tokenFor("stuck");

  await backdate(tenant, stuck.database);
  const seeing = await openGateway({ feed: follow, unknown: "allow" });
  await until("a fresh feed", () => seeing.guard.status().fresh);
  expect(await reasonOf(seeing.guard, token)).toBe("ok");

  await setActive(tenant, id, false);
  await backdate(tenant, stuck.database);
  const blind = await openGateway({ feed: follow, unknown: "allow" });
  expect(await reasonOf(blind.guard, token)).toBe("feed_stale");
});

/** Ages what waits by a minute: as if the workers had stood still for that long. */
async function backdate(tenant: TestTenant, database: typeof house.database): Promise<void> {
  await database.once(
    tenant.id,
    sql`UPDATE lifecycle_event SET accepted_at = accepted_at - interval '1 minute' WHERE applied_at IS NULL`,
  );
}
