import { describe, expect, test } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { sql, startPull } from "@rollcall/core/store";
import { openHouse } from "../harness/house.ts";
import {
  addProvider,
  ann,
  createAnn,
  eager,
  readBackScene,
  rowOf,
  untilAsked,
  waitingOf,
} from "../harness/read-back-scene.ts";
import type { Person } from "../harness/providers/provider-server.ts";
import { addConnection, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse({ readBacks: eager });
/** Where a question that fails on and on waits as long as it does in life. */
const patient = await openHouse({ readBacks: { pace: { ...eager.pace, postponeMsMax: 3_600_000 } } });
const second = { status: 503, body: "" };

describe("a provider that does not answer", () => {
  test(
    "loses nobody: once it is back, everybody of whom something was said is as it says",
    { timeout: 90_000 },
    async () => {
      const { tenant, ping, become, server } = await readBackScene(house, {}, []);
      const names = Array.from({ length: 12 }, (_, index) => `user${index}`);
      for (const name of names) await tenant.scim("POST", "/Users", newUser(name));
      server.meddle(() => second);
      await Promise.all(names.map((name) => ping(name)));
      become(
        names.map((name, index): Person => ({
          ...ann,
          id: name,
          email: `${name}@example.test`,
          active: index % 2 === 0,
        })),
      );
      await until("it was asked in vain", async () =>
        (await waitingOf(house, tenant)).some(({ lastError }) => lastError !== null),
      );
      server.meddle(undefined);
      // Its client may have given it up for half a minute.
      await untilAsked(house, tenant, 50_000);
      expect(await leavers(tenant)).toEqual(names.filter((_, index) => index % 2 === 1).toSorted());
    },
  );

  test("is left alone: three hundred who wait cost it no three hundred questions", { timeout: 90_000 }, async () => {
    const { tenant, ping, server } = await readBackScene(house);
    await house.database.once(
      tenant.id,
      sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names)
        SELECT ${tenant.connectionId}, 'id u' || n, ${tenant.id}, jsonb_build_object('id', 'u' || n) FROM generate_series(1, 300) AS n`,
    );
    server.meddle(() => second);
    await ping();
    await until("it is given up", async () => (await standing(tenant)).lastError?.includes("left alone") === true);
    // Time goes by, in which everybody who waits could be asked about.
    for (let index = 0; index < 30; index += 1) await ping(`v${index}`);
    expect(server.asked.length).toBeLessThan(20);
    expect((await waitingOf(house, tenant)).filter(({ attempts }) => attempts > 0).length).toBeLessThan(60);
    server.meddle(undefined);
    await untilAsked(house, tenant, 50_000);
  });

  test("holds up its own listings: sixteen at once stand still, and everybody else is asked beside them", async () => {
    const [slow, quick] = [await readBackScene(house), await readBackScene(house)];
    await createAnn(house, quick.tenant);
    const held = Promise.withResolvers<void>();
    slow.server.meddle((reply) => ({ ...reply, hold: (letGo) => void held.promise.then(letGo) }));
    for (let number = 0; number < 18; number += 1) {
      const { connectionId } = await addConnection(house, slow.tenant, `https://${number}.${slow.tenant.slug}.test`);
      await addProvider(house, { ...slow.tenant, connectionId }, "scim", { url: `${slow.server.origin}/scim/v2` });
      await startPull(house.database, slow.tenant.id, connectionId, { id: newId(), dryRun: true, actor: "test" });
    }
    await until("they stand still", () => slow.server.asked.length >= 16);
    quick.become([{ ...ann, active: false }]);
    await quick.ping();
    await until("ann is shut out", async () => (await rowOf(house, quick.tenant))?.active === false);
    expect([slow.server.asked.length, await listingsOf(slow.tenant)]).toEqual([16, { taken: 16, ended: 0 }]);
    held.resolve();
    slow.server.meddle(undefined);
    await until("each has had its turn", async () => (await listingsOf(slow.tenant))?.ended === 18);
  });

  test("is told of after a while, and no more once it answers", async () => {
    const { tenant, ping, server } = await readBackScene(house);
    server.meddle(() => second);
    await ping();
    await until("an alert is open", async () => (await alerts(tenant)).length > 0);
    expect((await standing(tenant)).lastError).toMatch(/^unreachable: /);
    server.meddle(undefined);
    await untilAsked(house, tenant);
    await until("the alert is over", async () => (await alerts(tenant)).length === 0);
    expect((await standing(tenant)).lastError).toBe(null);
  });

  test("is told of at once where only a person can help, and its secret is nowhere", async () => {
    const { tenant, ping, server } = await readBackScene(house);
    server.meddle(() => ({ status: 401, body: "what the provider is asked with" }));
    await ping();
    await until("an alert is open", async () => (await alerts(tenant)).length > 0);
    const { lastError } = await standing(tenant);
    expect(lastError).toMatch(/^unauthenticated: /);
    expect(JSON.stringify([lastError, await alerts(tenant), await waitingOf(house, tenant)])).not.toContain(
      "asked with",
    );
    server.meddle(undefined);
    await untilAsked(house, tenant);
  });

  test("and a denial that is told meanwhile: it stands, and is verified when it is back", async () => {
    const { tenant, say, become, server } = await readBackScene(house);
    await createAnn(house, tenant);
    server.meddle(() => second);
    become([{ ...ann, active: false }]);
    await say("user.disabled", { externalId: "ann" }, new Date());
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
    await until("it was asked in vain", async () => (await waitingOf(house, tenant))[0]?.lastError !== null);
    server.meddle(undefined);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
  });
});

describe("whoever asks", () => {
  test("and dies of it is followed by another, once nobody holds the question any more", async () => {
    const { tenant, askedAbout, ping } = await readBackScene(house);
    await createAnn(house, tenant);
    // As somebody leaves it who has taken it and died.
    await house.database.once(
      tenant.id,
      sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names, due_at, taken_until, attempts)
        VALUES (${tenant.connectionId}, 'id ann', ${tenant.id}, '{"id":"ann"}', now() + interval '1 minute', now() + interval '1 minute', 1)`,
    );
    for (let index = 0; index < 5; index += 1) await ping();
    expect(askedAbout("ann")).toBe(0);
    await house.database.once(tenant.id, sql`UPDATE read_back SET due_at = now(), taken_until = now()`);
    await untilAsked(house, tenant);
    expect(askedAbout("ann")).toBe(1);
  });
});

describe("a provider that answers badly", () => {
  test("too slowly, too much at once and broken off: nothing is believed, and it is asked again", async () => {
    const { tenant, ping, become, server } = await readBackScene(house, {
      pace: { perSec: 1_000, attemptsMax: 1, timeoutMs: 200 },
    });
    await createAnn(house, tenant);
    become([{ ...ann, active: false }]);
    const faults = [
      (reply: object) => ({ ...reply, hold: () => undefined }),
      () => ({ status: 429, headers: { "retry-after": "0" }, body: "" }),
      (reply: object) => ({ ...reply, cutAt: 40 }),
      () => ({ status: 200, body: "<html>log in</html>" }),
    ];
    server.meddle((reply) => (faults.shift() ?? ((truth) => truth))(reply) as typeof reply);
    await ping();
    await untilAsked(house, tenant);
    expect([faults.length, await rowOf(house, tenant)]).toMatchObject([0, { active: false }]);
  });

  test("about somebody else: neither is touched", async () => {
    const { tenant, ping, server } = await readBackScene(house);
    await createAnn(house, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    server.meddle((reply) => ({ ...reply, body: { ...(reply.body as object), id: "bob", active: false } }));
    await ping();
    await until("the lie is noted", async () =>
      (await waitingOf(house, tenant))[0]?.lastError?.startsWith("malformed"),
    );
    expect(await leavers(tenant)).toEqual([]);
    server.meddle(undefined);
    await untilAsked(house, tenant);
  });

  test("with a name that cannot be held: a leaver is shut out, and a joiner waits", async () => {
    const { tenant, ping, server, become } = await readBackScene(house);
    await createAnn(house, tenant);
    become([{ ...ann, active: false }]);
    server.meddle((reply) => ({ ...reply, body: { ...(reply.body as object), displayName: "An\u0000n" } }));
    await ping();
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    await untilAsked(house, tenant);
    become([ann]);
    await ping();
    await until("it is noted", async () => (await waitingOf(house, tenant))[0]?.lastError === "refused: value_invalid");
    expect(await rowOf(house, tenant)).toMatchObject({ active: false });
    server.meddle(undefined);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });
});

describe("an answer that the directory refuses", () => {
  test("is told of while it is, keeps nobody else waiting, and is taken over once it can be", async () => {
    const bob: Person = { ...ann, id: "bob", email: "bob@example.test" };
    const eve: Person = { ...ann, id: "eve", email: "eve@example.test" };
    const { tenant, ping, become, askedAbout } = await readBackScene(house);
    await createAnn(house, tenant);
    for (const name of ["bob", "eve"]) await tenant.scim("POST", "/Users", newUser(name));
    become([{ ...ann, email: bob.email }, bob, { ...eve, active: false }]);
    await ping();
    await until("an alert is open", async () => (await alerts(tenant, "answer_refused")).length > 0);
    expect(await alerts(tenant, "answer_refused")).toEqual([
      { detail: { connection: tenant.connectionId, code: "user_name_taken" } },
    ]);
    await ping("eve");
    await until("eve is shut out", async () => (await rowOf(house, tenant, "eve"))?.active === false);
    const before = askedAbout("ann");
    await until("ann is asked about again and again", () => askedAbout("ann") > before + 2);
    expect(await waitingOf(house, tenant)).toMatchObject([{ lastError: "refused: user_name_taken" }]);
    become([
      { ...ann, email: bob.email },
      { ...bob, email: "bob.new@example.test" },
    ]);
    await ping("bob");
    await untilAsked(house, tenant);
    expect(await alerts(tenant, "answer_refused")).toEqual([]);
    expect((await tenant.scim("GET", '/Users?filter=userName eq "bob@example.test"')).body).toMatchObject({
      Resources: [{ externalId: "ann" }],
    });
  });
});

describe("a question that has failed for hours", () => {
  test("waits no hour more once something is told of whom it is about: they may have left", async () => {
    const bob: Person = { ...ann, id: "bob", email: "bob@example.test" };
    const { tenant, ping, become, askedAbout } = await readBackScene(patient);
    await createAnn(patient, tenant);
    await tenant.scim("POST", "/Users", newUser("bob"));
    become([{ ...ann, email: bob.email }, bob]);
    await patient.database.once(
      tenant.id,
      sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names, attempts) VALUES (${tenant.connectionId}, 'id ann', ${tenant.id}, '{"id":"ann"}', 30)`,
    );
    await until("it is refused once more", async () => (await waitingOf(patient, tenant))[0]?.lastError !== null);
    const before = askedAbout("ann");
    become([{ ...ann, email: bob.email, active: false }, bob]);
    for (let index = 0; index < 5; index += 1) await ping();
    await until("ann is shut out", async () => (await rowOf(patient, tenant))?.active === false);
    // However often it is told: that she has left need not be asked five times.
    expect(askedAbout("ann") - before).toBe(1);
  });
});

describe("a directory that does not know the provider's ids", () => {
  const byName = { idAttribute: "none" };

  test("is told by name, and keeps its own externalId", async () => {
    const { tenant, ping, become } = await readBackScene(house, byName, [{ ...ann, id: "oid-1" }]);
    await createAnn(house, tenant);
    become([{ ...ann, id: "oid-1", active: false }]);
    await ping("oid-1");
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: false });
  });

  test("denies nobody to whom a name has gone since", async () => {
    const { tenant, server } = await readBackScene(house, byName, [{ ...ann, id: "oid-2" }]);
    await createAnn(house, tenant);
    await house.database.once(
      tenant.id,
      sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names)
        VALUES (${tenant.connectionId}, 'id oid-1', ${tenant.id}, '{"id":"oid-1","userName":"ann@example.test"}')`,
    );
    await untilAsked(house, tenant);
    expect(server.asked.map(({ url }) => url.pathname)).toEqual(["/scim/v2/Users/oid-1", "/scim/v2/Users"]);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
  });
});

async function leavers({ id }: TestTenant): Promise<readonly string[]> {
  const rows = await house.database.once<{ externalId: string }>(
    id,
    sql`SELECT external_id AS "externalId" FROM directory_user WHERE NOT active OR deleted_at IS NOT NULL ORDER BY external_id COLLATE "C"`,
  );
  return rows.map(({ externalId }) => externalId);
}

function alerts({ id }: TestTenant, kind = "provider_unreachable"): Promise<readonly unknown[]> {
  return house.database.once(id, sql`SELECT detail FROM alert WHERE kind = ${kind} AND resolved_at IS NULL`);
}

async function standing({ id }: TestTenant): Promise<{ readonly lastError: string | null }> {
  const [row] = await house.database.once<{ lastError: string | null }>(
    id,
    sql`SELECT last_error AS "lastError" FROM provider`,
  );
  if (row === undefined) throw new Error("there is no provider");
  return row;
}

/** How many listings somebody has or had in hand, and how many have ended. */
async function listingsOf({ id }: TestTenant) {
  const [row] = await house.database.once<{ taken: number; ended: number }>(
    id,
    sql`SELECT count(taken_by) AS taken, count(finished_at) AS ended FROM pull_run`,
  );
  return row;
}
