import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { startFleet } from "@rollcall/cli/fleet";
import { type Database, findTenant, openDatabase, sql } from "@rollcall/core/store";
import { Client } from "pg";
import { openFeedReader } from "../harness/feed-reader.ts";
import type { BenchOptions, BenchResult } from "./main.ts";
import { round } from "./statistics.ts";

const committers = 32;
const batchMax = 40;
const issuer = "https://idp.bench.test";

/**
 * Many committers at once, and two readers of what they commit: a follower of the feed, which must
 * miss nothing, and one that asks for higher serial numbers than it has seen, which does.
 */
export async function feedMillion({ quick, say }: BenchOptions): Promise<BenchResult> {
  const total = quick ? 20_000 : 1_000_000;
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const fleet = await startFleet(directory, [issuer], { roles: ["reconciler", "feed"] });
  const database = openDatabase({ url: fleet.databaseUrl, poolMax: committers, onError: () => undefined });
  try {
    const tenant = await findTenant(database, "acme");
    if (tenant === undefined) throw new Error("the fleet has no tenant");
    const naive = await followSerial(fleet.databaseUrl);
    const follower = openFeedReader({ url: fleet.feedUrl, feed: "acme", token: fleet.tokens.feed });
    say(`${total} entries by ${committers} committers …`);
    const startedAt = performance.now();
    let written = 0;
    const writing = Promise.all(
      Array.from({ length: committers }, async () => {
        while (written < total) {
          const size = Math.min(1 + Math.floor(Math.random() * batchMax), total - written);
          const from = written;
          written += size;
          await commit(database, tenant.id, from, size);
        }
      }),
    );
    while (follower.seen.length < total) await follower.catchUp(5);
    await writing;
    const seconds = (performance.now() - startedAt) / 1_000;
    await naive.end();

    const distinct = new Set(follower.seen.map(({ sub }) => sub)).size;
    const lost = total - distinct;
    const naiveLost = total - naive.seen();
    say(`${round(total / seconds)} a second; the feed lost ${lost}, the serial reader ${naiveLost}`);
    if (lost > 0) throw new Error(`the feed lost ${lost} of ${total} entries`);
    if (naiveLost === 0) throw new Error("the negative control lost nothing, so this run proves nothing");
    return {
      ratios: {},
      figures: { entries: total, lost, naive_lost: naiveLost, entries_per_sec: round(total / seconds) },
    };
  } finally {
    await database.close();
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

/** One transaction as a worker's, of a batch of keys; some take longer than others to commit. */
async function commit(database: Database, tenantId: string, from: number, size: number): Promise<void> {
  const subs = Array.from({ length: size }, (_, index) => `u${from + index}`);
  await database.inTenant(tenantId, async (transaction) => {
    await transaction.query(sql`
      WITH changed AS (
        INSERT INTO revocation (tenant_id, scope, iss, sub, deny, origin, reason, accepted_at)
        SELECT ${tenantId}, 'sub', ${issuer}, sub, true, 'idp', 'idp_inactive', now() FROM unnest(${subs}::text[]) AS sub
        RETURNING scope, iss, sub, accepted_at
      )
      INSERT INTO feed_pending (tenant_id, scope, iss, sub, accepted_at) SELECT ${tenantId}, scope, iss, sub, accepted_at FROM changed`);
    await Promise.all([
      transaction.query(sql`SELECT pg_notify('rollcall_pending', ${tenantId})`),
      transaction.query(sql`SELECT pg_sleep(${Math.random() < 0.1 ? 0.005 : 0})`),
    ]);
  });
}

/** The mistake: remember the highest number seen, and ask for higher ones. Numbers are given before they commit. */
async function followSerial(databaseUrl: string) {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query(`
    CREATE TABLE naive_log (id bigserial PRIMARY KEY, sub text NOT NULL);
    CREATE FUNCTION log_naively() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN INSERT INTO naive_log (sub) VALUES (NEW.sub); RETURN NEW; END $$;
    CREATE TRIGGER naively AFTER INSERT ON feed_pending FOR EACH ROW EXECUTE FUNCTION log_naively();`);
  let cursor = 0;
  let seen = 0;
  let ended = false;
  const look = async (): Promise<void> => {
    const { rows } = await client.query<{ id: string }>("SELECT id FROM naive_log WHERE id > $1 ORDER BY id", [cursor]);
    seen += rows.length;
    cursor = Number(rows.at(-1)?.id ?? cursor);
  };
  const running = (async () => {
    while (!ended) await look();
  })();
  return {
    seen: () => seen,
    end: async () => {
      ended = true;
      await running;
      await look();
      await client.end();
    },
  };
}
