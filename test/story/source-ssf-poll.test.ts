import { Client } from "pg";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { sql } from "@rollcall/core/store";
import { createStream, pushTo, receiverOf } from "../harness/application.ts";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { addSource } from "../harness/hook-sender.ts";
import { type House, openHouse } from "../harness/house.ts";
import { createPolledScene, saidOf, troubleOf } from "../harness/polled-scene.ts";
import { startPoller } from "../harness/polled-transmitter.ts";
import { activeOf } from "../harness/receiver-scene.ts";
import { audience, caep, risc, setOf } from "../harness/security-events.ts";
import { openIssuer } from "../harness/signing-issuer.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const redisHouse = inject("redisUrl") === "" ? undefined : await openHouse({ queue: "redis" });
const issuer = await openIssuer();

const houses = { postgres: house, ...(redisHouse === undefined ? {} : { redis: redisHouse }) };

describe.each(Object.entries(houses))("with the queue on %s, polling a transmitter", (_queue, own) => {
  test("takes in what waits, acknowledges all of it, and asks on", async () => {
    const { tenant, transmitter, source, say } = await createPolledScene(own, issuer);
    for (let number = 0; number < 25; number += 1) await say("ann", { [`${caep}session-revoked`]: {} });
    await say("ann", { [`${risc}account-disabled`]: {} });
    startPoller(own, { eventsMax: 10 });
    await until("nothing waits any more", () => transmitter.waiting.size === 0);
    expect(await activeOf(tenant)).toBe(false);
    expect(await outcomesOf(own, tenant)).toHaveLength(26);
    expect([...transmitter.authorizations]).toEqual([`Bearer ${source.secret}`]);
    expect(Math.max(...transmitter.polls.map(({ maxEvents }) => maxEvents ?? 0))).toBe(10);
    await say("ann", { [`${risc}account-enabled`]: { event_timestamp: Date.now() } });
    await until("what comes later is taken in too", () => activeOf(tenant));
  });

  test("by three processes asks one question at a time, however long its answer takes, and counts everything once", async () => {
    const { tenant, transmitter, say } = await createPolledScene(own, issuer);
    const beside = await createPolledScene(own, issuer);
    const gate = Promise.withResolvers<void>();
    transmitter.answer = (_poll, response) => {
      void gate.promise.then(() => response.end(JSON.stringify({ sets: {} })));
      return true;
    };
    for (let poller = 0; poller < 3; poller += 1) startPoller(own, { eventsMax: 2 });
    await until("another stream was polled by all of them", () => beside.transmitter.polls.length >= 15);
    expect(transmitter.openMax()).toBe(1);
    for (let number = 0; number < 30; number += 1) await say("ann", { [`${caep}session-revoked`]: {} });
    transmitter.answer = undefined;
    gate.resolve();
    await until("nothing waits any more", () => transmitter.waiting.size === 0);
    expect(transmitter.openMax()).toBe(1);
    expect(await outcomesOf(own, tenant)).toHaveLength(30);
  });
});

describe("an acknowledgement", () => {
  test("that is lost has the SET given again, and counts it once", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    await say("ann", { [`${risc}account-disabled`]: {} });
    let lost = 0;
    transmitter.answer = (poll, response) => {
      if (poll.ack.length === 0 || lost >= 3) return false;
      lost += 1;
      response.destroy();
      return true;
    };
    startPoller(house);
    await until("it was acknowledged in the end", () => transmitter.waiting.size === 0);
    expect(lost).toBe(3);
    expect(await outcomesOf(house, tenant)).toEqual([{ kind: "disabled", outcome: "written" }]);
  });

  test("is not given for what could not be committed", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    const jti = await say("ann", { [`${risc}account-disabled`]: {} });
    const mend = await spoilNotes(tenant);
    startPoller(house);
    await until("it was given again and again", () => transmitter.polls.length >= 4);
    expect(transmitter.polls.flatMap(({ ack, setErrs }) => [...ack, ...Object.keys(setErrs ?? {})])).toEqual([]);
    await mend();
    await until("it is acknowledged", () => transmitter.polls.some(({ ack }) => ack.includes(jti)));
    expect(await activeOf(tenant)).toBe(false);
  });

  test("is refused with its reason for what cannot be verified or read, and keeps nobody else waiting", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    const forger = await openIssuer();
    const forged = { ...saidOf(tenant, "bob", { [`${risc}account-disabled`]: {} }), iss: issuer.issuer };
    transmitter.waiting.set("forged", await setOf(forger, { ...forged, jti: "forged" }, { kid: issuer.kid() }));
    transmitter.waiting.set("garbage", "no token");
    transmitter.waiting.set("number", 7 as never);
    transmitter.waiting.set("__proto__", "no token");
    transmitter.waiting.set("other", await setOf(issuer, { ...forged, jti: "another's" }));
    transmitter.waiting.set("stranger", await setOf(issuer, { ...forged, jti: "stranger", aud: "https://other.test" }));
    transmitter.waiting.set(
      "nobody",
      await setOf(issuer, { ...forged, jti: "nobody", sub_id: { format: "unheard-of" } }),
    );
    await say("ann", { [`${risc}account-disabled`]: {} });
    startPoller(house);
    await until("nothing waits any more", () => transmitter.waiting.size === 0);
    const refused = Object.assign({}, ...transmitter.polls.map(({ setErrs }) => setErrs)) as Record<
      string,
      { err: string }
    >;
    expect(Object.fromEntries(Object.entries(refused).map(([jti, { err }]) => [jti, err]))).toEqual({
      forged: "authentication_failed",
      garbage: "invalid_request",
      number: "invalid_request",
      other: "invalid_request",
      stranger: "invalid_audience",
      nobody: "invalid_request",
    });
    expect(await activeOf(tenant)).toBe(false);
    expect(await activeOf(tenant, "bob")).toBe(true);
  });
});

describe("a transmitter", () => {
  test("that gives more than it was asked for is heard as far as it was asked", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    for (let number = 0; number < 7; number += 1) await say("ann", { [`${caep}session-revoked`]: {} });
    transmitter.answer = (poll, response) => {
      for (const jti of poll.ack) transmitter.waiting.delete(jti);
      response.end(JSON.stringify({ sets: Object.fromEntries(transmitter.waiting) }));
      return true;
    };
    startPoller(house, { eventsMax: 3 });
    await until("all of it is taken in", () => transmitter.waiting.size === 0);
    expect(Math.max(...transmitter.polls.map(({ ack }) => ack.length))).toBe(3);
    expect(await outcomesOf(house, tenant)).toHaveLength(7);
  });

  test("that repeats itself for ever is not asked again at once", async () => {
    const { tenant, transmitter, say } = await createPolledScene(house, issuer);
    const jti = await say("ann", { [`${risc}account-disabled`]: {} });
    const set = transmitter.waiting.get(jti);
    transmitter.answer = (_poll, response) => {
      response.end(JSON.stringify({ sets: { [jti]: set }, moreAvailable: true }));
      return true;
    };
    startPoller(house, { everyMs: 1_000_000 });
    await until(
      "it was acknowledged twice",
      () => transmitter.polls.filter(({ ack }) => ack.includes(jti)).length >= 2,
    );
    expect(await outcomesOf(house, tenant)).toHaveLength(1);
    expect(transmitter.polls.length).toBeLessThanOrEqual(4);
  });

  test("that answers nonsense, or an error, is asked again later, and a person is told", async () => {
    const { tenant, transmitter, source, say } = await createPolledScene(house, issuer);
    const nonsense = ["", "no json", "[]", '{"sets":[]}', '{"sets":7}', "x".repeat(9_000_000)];
    let asked = 0;
    transmitter.answer = (_poll, response) => {
      const body = nonsense[asked];
      asked += 1;
      if (asked > 12) return false;
      response.writeHead(body === undefined ? 503 : 200).end(body);
      return true;
    };
    await say("ann", { [`${risc}account-disabled`]: {} });
    startPoller(house, { backOffMs: 1 });
    await until("a person is told", async () => (await troubleOf(house, tenant, source)).at(1) === "source_silent");
    await until("it is taken in once the transmitter is well", () => transmitter.waiting.size === 0);
    await until("the trouble is over", async () => (await troubleOf(house, tenant, source)).at(1) === undefined);
    expect(await activeOf(tenant)).toBe(false);
  });

  test("is asked where it stands by its owner alone: a paused source is not polled, and one with a private address never", async () => {
    const { tenant, transmitter, source, say } = await createPolledScene(house, issuer);
    await house.database.once(tenant.id, sql`UPDATE event_source SET status = 'paused' WHERE id = ${source.id}`);
    const inside = await addSource(house, tenant, "ssf_poll", {
      issuer: issuer.issuer,
      audience,
      endpoint: "http://169.254.169.254/latest",
    });
    const beside = await createPolledScene(house, issuer);
    await beside.say("ann", { [`${risc}account-disabled`]: {} });
    await say("ann", { [`${risc}account-disabled`]: {} });
    startPoller(house);
    await until("another source is polled", () => beside.transmitter.waiting.size === 0);
    await until("the address was refused again and again", async () =>
      String((await troubleOf(house, tenant, inside))[0]).includes("may not be asked"),
    );
    expect(transmitter.polls).toEqual([]);
  });
});

describe("from one house to another", () => {
  test.each(["push", "poll"] as const)(
    "a leaver here is refused there, and a returner let in, by %s",
    async (method) => {
      const here = await createTenant(house);
      const there = await createTenant(house, { issuer: here.issuer });
      const receiver = await receiverOf(house, here);
      const keys = { issuer: "https://rollcall.test", jwksUri: `${house.url}/ssf/jwks.json` };
      for (const tenant of [here, there]) await tenant.scim("POST", "/Users", newUser("ann"));
      await untilQuiet(house, here.id);
      await untilQuiet(house, there.id);
      if (method === "poll") {
        const stream = await createStream(receiver);
        const endpoint = `${house.url}/ssf/streams/${stream.id}/poll`;
        await addSource(house, there, "ssf_poll", { ...keys, audience: stream.aud, endpoint }, receiver.token);
        startPoller(house);
      } else {
        const settings = {
          ...keys,
          audience: `https://rollcall.test/ssf/receivers/${here.id}/crm`,
          authorization: "required",
        };
        const source = await addSource(house, there, "ssf_push", settings);
        const stream = await createStream(receiver, pushTo(source.url, `Bearer ${source.secret}`));
        expect(stream.aud).toBe(settings.audience);
      }
      const [{ id } = { id: "" }] = (await here.scim("GET", "/Users")).body["Resources"] as readonly {
        readonly id: string;
      }[];
      await here.scim("PATCH", `/Users/${id}`, deactivate);
      await until("the leaver is out there", async () => (await activeOf(there)) === false);
      await untilQuiet(house, there.id);
      expect((await entryOf(there, "ann"))?.op).toBe("deny");
      // What comes back within the second that took it away is not later than it.
      await until("a later second has come", () => Date.now() % 1_000 < 100);
      await here.scim("PATCH", `/Users/${id}`, reactivate);
      await until("the returner is in there", async () => (await activeOf(there)) === true);
      await untilQuiet(house, there.id);
      const entry = await entryOf(there, "ann");
      expect([entry?.op, (entry?.nbf ?? 0) > 0]).toEqual(["allow", true]);
    },
  );
});

/** Nothing that is said of this tenant can be noted, until it is mended. */
async function spoilNotes({ id }: TestTenant): Promise<() => Promise<unknown>> {
  const client = new Client({ connectionString: house.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query(
    "CREATE FUNCTION refuse_note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'spoilt'; END $$",
  );
  await client.query(
    `CREATE TRIGGER spoilt BEFORE INSERT ON source_event FOR EACH ROW WHEN (NEW.tenant_id = '${id}') EXECUTE FUNCTION refuse_note()`,
  );
  return () => client.query("DROP TRIGGER spoilt ON source_event");
}

function outcomesOf(own: House, tenant: TestTenant) {
  return own.database.once<{ readonly kind: string; readonly outcome: string }>(
    tenant.id,
    sql`SELECT kind, outcome FROM source_event ORDER BY accepted_at`,
  );
}

async function entryOf(tenant: TestTenant, sub: string) {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.takeSnapshot();
  return reader.held.get(keyOf({ iss: tenant.issuer, sub }));
}
