import { exportPKCS8, generateKeyPair } from "jose";
import { describe, expect, onTestFinished, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { addSource, type HookSource } from "../harness/hook-sender.ts";
import { openHouse } from "../harness/house.ts";
import {
  type GoogleAccount,
  type GoogleChannel,
  push,
  startGoogleAccount,
} from "../harness/providers/google-notifier.ts";
import { addProvider, ann, createAnn, eager, rowOf, untilAsked } from "../harness/read-back-scene.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

// The house's own clock may be ahead of Google's: so a story makes half a life go by.
let aheadMs = 0;
const house = await openHouse({ readBacks: { ...eager, now: () => Date.now() + aheadMs } });
const reach = (url: string): string => url.replace("https://rollcall.test", house.url);
const { privateKey } = await generateKeyPair("RS256", { extractable: true });
const keyFile = JSON.stringify({
  client_email: "rollcall@project.iam.example",
  private_key: await exportPKCS8(privateKey),
});
const annThere = { id: "ann", primaryEmail: "ann@example.test" };

describe("channels", () => {
  test("are made, one for each kind of event, and their first message is heard before their answer", async () => {
    const { account, source, tenant } = await scene();
    expect(account.channels.map(({ event }) => event).toSorted()).toEqual([
      "add",
      "delete",
      "makeAdmin",
      "undelete",
      "update",
    ]);
    for (const { token, address } of account.channels)
      expect([token, address]).toEqual([source.secret, `https://rollcall.test/hooks/${source.id}`]);
    expect(await countEvents(tenant)).toBe(0);
  });

  test("are followed by new ones before they end; both are heard for a while, and then the old are stopped", async () => {
    const { account, source, tenant } = await scene();
    await createAnn(house, tenant);
    const old = account.channels.map(({ id }) => id);
    aheadMs += 4 * 3_600_000;
    await look(tenant, source);
    await until("there are new ones", () => account.channels.length === 10);
    await until("they are kept", async () => (await channelsOf(tenant, source)).length === 10);
    await until("all is done for now", () => isDone(tenant, source));
    expect(account.channels.filter(({ stopped }) => stopped)).toEqual([]);
    for (const channel of account.channels.filter(({ event }) => event === "update"))
      expect((await push(channel, "update", annThere, reach)).status).toBe(204);
    aheadMs += 600_000;
    await look(tenant, source);
    await until("the old ones are stopped", () => account.channels.filter(({ stopped }) => stopped).length === 5);
    expect(
      account.channels
        .filter(({ stopped }) => stopped)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(old.toSorted());
    await until("they are forgotten", async () => (await channelsOf(tenant, source)).length === 5);
    const [stopped] = account.channels;
    expect((await push(stopped as GoogleChannel, "delete", annThere, reach)).status).toBe(401);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
  });
});

describe("a message", () => {
  test("that somebody was updated is what Google says of them when it is asked", async () => {
    const { account, tenant } = await scene();
    await createAnn(house, tenant);
    account.users = [{ ...ann, active: false }];
    expect((await push(channelOf(account, "update"), "update", annThere, reach)).status).toBe(204);
    await until("ann is shut out", async () => (await rowOf(house, tenant))?.active === false);
  });

  test("that somebody was deleted shuts them out at once, and that they were restored brings them back when Google says so", async () => {
    const { account, tenant } = await scene();
    await createAnn(house, tenant);
    account.users = [];
    await push(channelOf(account, "delete"), "delete", annThere, reach);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
    await untilAsked(house, tenant);
    await push(channelOf(account, "undelete"), "undelete", annThere, reach);
    await untilAsked(house, tenant);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
    account.users = [ann];
    await push(channelOf(account, "undelete"), "undelete", annThere, reach);
    await until("ann is back", async () => (await rowOf(house, tenant))?.deleted === false);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true });
  });

  test("of a number that was heard is not heard again; one that comes late is", async () => {
    const { account, tenant } = await scene();
    await createAnn(house, tenant);
    const channel = channelOf(account, "delete");
    await push(channel, "delete", annThere, reach);
    const heard = channel.number;
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
    account.users = [ann];
    await push(channelOf(account, "undelete"), "undelete", annThere, reach);
    await until("ann is back", async () => (await rowOf(house, tenant))?.deleted === false);
    await untilAsked(house, tenant);
    expect((await push(channel, "delete", annThere, reach, heard)).status).toBe(204);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: false });
    account.users = [];
    expect((await push(channel, "delete", annThere, reach, heard - 1)).status).toBe(204);
    expect(await rowOf(house, tenant)).toMatchObject({ deleted: true });
  });

  test("with another token, of a channel that nobody knows, or of none is refused", async () => {
    const { account, tenant } = await scene();
    await createAnn(house, tenant);
    const channel = channelOf(account, "delete");
    const forged = await Promise.all([
      push({ ...channel, token: "guessed" }, "delete", annThere, reach),
      push({ ...channel, id: "another" }, "delete", annThere, reach),
      push({ ...channel, token: "guessed" }, "sync", undefined, reach),
      fetch(reach(channel.address), { method: "POST", body: JSON.stringify(annThere) }),
    ]);
    expect(forged.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(await rowOf(house, tenant)).toMatchObject({ active: true, deleted: false });
  });

  test("that names nobody, or has no number, says what is wrong with it", async () => {
    const { account } = await scene();
    const channel = channelOf(account, "update");
    const nobody = await push(channel, "update", { id: "", primaryEmail: "" }, reach);
    expect([nobody.status, await nobody.json()]).toMatchObject([
      400,
      { detail: expect.stringContaining("name the user") as string },
    ]);
    const unnumbered = await push(channel, "update", annThere, reach, Number.NaN);
    expect(unnumbered.status).toBe(400);
  });

  test("of a state that says nothing of users is heard and ignored", async () => {
    const { account, tenant } = await scene();
    expect((await push(channelOf(account, "update"), "exists", annThere, reach)).status).toBe(200);
    expect(await countEvents(tenant)).toBe(0);
  });
});

describe("a leaver's address that is given to somebody else as a second one", () => {
  const bob = { id: "bob", primaryEmail: "bob@example.test", suspended: false, aliases: ["ann@example.test"] };

  test("finds that one, and so the leaver is gone; where it is nobody else's here, they may only be called otherwise", async () => {
    for (const [isKnown, active] of [
      [false, true],
      [true, false],
    ]) {
      const { account, tenant } = await scene();
      const id = await createAnn(house, tenant);
      // As a sender does who keeps no ids.
      await house.database.once(tenant.id, sql`UPDATE directory_user SET external_id = NULL WHERE id = ${id}`);
      if (isKnown === true) await tenant.scim("POST", "/Users", newUser("bob"));
      account.server.meddle((reply, { url }) =>
        url.pathname.endsWith("/users/ann%40example.test") ? { status: 200, body: bob } : reply,
      );
      await house.database.once(
        tenant.id,
        sql`INSERT INTO read_back (connection_id, subject_key, tenant_id, names) VALUES (${tenant.connectionId}, 'userName ann@example.test', ${tenant.id}, '{"userName":"ann@example.test"}')`,
      );
      await untilAsked(house, tenant);
      const users = await house.database.once<{ name: string; active: boolean }>(
        tenant.id,
        sql`SELECT user_name AS name, active FROM directory_user ORDER BY user_name`,
      );
      expect(users).toEqual([
        { name: "ann@example.test", active },
        ...(isKnown === true ? [{ name: "bob@example.test", active: true }] : []),
      ]);
    }
  });
});

async function scene(): Promise<{
  readonly tenant: TestTenant;
  readonly source: HookSource;
  readonly account: GoogleAccount;
}> {
  const tenant = await createTenant(house);
  const account = await startGoogleAccount(reach);
  onTestFinished(() => account.server.close());
  account.users = [ann];
  account.livesMs = 6 * 3_600_000 + aheadMs;
  const { origin } = account.server;
  await addProvider(
    house,
    tenant,
    "google-directory",
    {
      administrator: "admin@example.test",
      url: origin,
      tokenUrl: `${origin}/token`,
      pace: { perSec: 1_000, attemptsMax: 1, timeoutMs: 2_000 },
    },
    keyFile,
  );
  const source = await addSource(house, tenant, "google");
  await until("there are channels", async () => (await channelsOf(tenant, source)).filter(Boolean).length === 5);
  return { tenant, source, account };
}

function channelOf({ channels }: GoogleAccount, event: string): GoogleChannel {
  const found = channels.findLast((one) => one.event === event);
  if (found === undefined) throw new Error(`no channel for ${event}`);
  return found;
}

/** Has the source looked after now, as its time would. */
async function look({ id }: TestTenant, source: HookSource): Promise<void> {
  await house.database.once(id, sql`UPDATE event_source SET upkeep_at = now() WHERE id = ${source.id}`);
}

/** Whether nobody has it in hand any more: it is held for two minutes, and is due later than that. */
async function isDone({ id }: TestTenant, source: HookSource): Promise<boolean> {
  const [row] = await house.database.once<{ done: boolean }>(
    id,
    sql`SELECT upkeep_at > now() + interval '200 seconds' AS done FROM event_source WHERE id = ${source.id}`,
  );
  return row?.done === true;
}

/** The channels that are kept, and whether each is known to have been made. */
async function channelsOf({ id }: TestTenant, source: HookSource): Promise<readonly boolean[]> {
  const rows = await house.database.once<{ made: boolean }>(
    id,
    sql`SELECT channel ? 'resourceId' AS made FROM event_source, jsonb_array_elements(coalesce(state->'channels', '[]')) AS channel WHERE id = ${source.id}`,
  );
  return rows.map(({ made }) => made);
}

async function countEvents({ id }: TestTenant): Promise<number | undefined> {
  return (await house.database.once<{ count: number }>(id, sql`SELECT count(*) AS count FROM source_event`))[0]?.count;
}
