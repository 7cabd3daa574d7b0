import { Client } from "pg";
import { afterAll, expect, test } from "vitest";
import { denySubject, openDatabase } from "@rollcall/core/store";
import { openFeedReader } from "../harness/feed-reader.ts";
import { type House, openHouse } from "../harness/house.ts";
import { createTenant, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const house = await openHouse({ without: ["worker"] });
const writers = 32;
const perWriter = 20;
const roundsMax = 8;
// A connection for each, or they would commit one after the other.
const database = openDatabase({ url: house.databaseUrl, poolMax: writers, onError: () => {} });
afterAll(() => database.close());

type Reader = { readonly subs: () => readonly string[]; stop(): Promise<void> };

test("a follower misses nothing of what thirty-two writers commit at once, where a reader by serial number does", async () => {
  const tenant = await createTenant(house);
  await recordNaively(house);
  const feed = followFeed(tenant);
  const naive = await followSerial(house);
  const written: string[] = [];
  for (let round = 0; round < roundsMax && (round === 0 || lost(written, naive).length === 0); round += 1) {
    written.push(...(await writeAtOnce(tenant, round)));
    await until("the follower has come to the end", () => feed.subs().length >= written.length);
    // The serial reader has had a look since the last commit, so what it lacks now it will never see.
    await naive.stop();
    await naive.start();
  }
  await Promise.all([feed.stop(), naive.end()]);

  expect(lost(written, feed)).toEqual([]);
  expect(feed.subs()).toHaveLength(written.length);
  // The negative control: the same assertion, of the mistake that a publisher is there to avoid.
  expect(() => expect(lost(written, naive)).toEqual([])).toThrow();
});

function lost(written: readonly string[], reader: Reader): readonly string[] {
  const seen = new Set(reader.subs());
  return written.filter((sub) => !seen.has(sub));
}

/** Each writer commits one denial after the other; all of them at once. */
async function writeAtOnce(tenant: TestTenant, round: number): Promise<readonly string[]> {
  const subs = Array.from({ length: writers }, (_, writer) =>
    Array.from({ length: perWriter }, (__, index) => `r${round}-w${writer}-${index}`),
  );
  await Promise.all(
    subs.map(async (own) => {
      for (const sub of own)
        await denySubject(database, tenant.id, { iss: tenant.issuer, sub }, { actor: "test", at: new Date() });
    }),
  );
  return subs.flat();
}

/** The real thing: over HTTP, verified; throws at a gap or a step back. */
function followFeed(tenant: TestTenant): Reader {
  const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
  let stopped = false;
  const running = (async () => {
    while (!stopped) await reader.catchUp(1);
  })();
  return {
    subs: () => reader.seen.map(({ sub }) => sub),
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Writes each pending entry into a log of its own, in the same transaction, numbered by a sequence as such logs are. */
async function recordNaively({ databaseUrl }: House): Promise<void> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`
    CREATE TABLE naive_log (id bigserial PRIMARY KEY, sub text NOT NULL);
    CREATE FUNCTION log_naively() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO naive_log (sub) VALUES (NEW.sub); RETURN NEW; END $$;
    CREATE TRIGGER naively AFTER INSERT ON feed_pending FOR EACH ROW EXECUTE FUNCTION log_naively();`);
  await client.end();
}

/** The mistake: remember the highest number seen, and ask for higher ones. Numbers are given before they commit. */
async function followSerial({
  databaseUrl,
}: House): Promise<Reader & { start(): Promise<void>; end(): Promise<void> }> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  const subs: string[] = [];
  let cursor = 0;
  let stopped = false;
  let running: Promise<void> = Promise.resolve();
  async function look(): Promise<void> {
    const { rows } = await client.query<{ id: number; sub: string }>(
      "SELECT id, sub FROM naive_log WHERE id > $1 ORDER BY id",
      [cursor],
    );
    subs.push(...rows.map((row) => row.sub));
    cursor = Number(rows.at(-1)?.id ?? cursor);
  }
  async function run(): Promise<void> {
    while (!stopped) await look();
  }
  const start = async (): Promise<void> => {
    stopped = false;
    running = run();
  };
  const stop = async (): Promise<void> => {
    stopped = true;
    await running;
    await look();
  };
  await start();
  return {
    subs: () => subs,
    start,
    stop,
    end: async () => {
      await stop();
      await client.end();
    },
  };
}
