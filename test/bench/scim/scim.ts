import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "@rollcall/cli/postgres";
import { type Fleet, startFleet } from "@rollcall/cli/fleet";
import { newId } from "@rollcall/core/runtime";
import { foldCounts } from "@rollcall/core/store";
import { startPeer } from "../child-process.ts";
import { open, runLoad } from "../http-load.ts";
import type { BenchOptions, BenchResult } from "../main.ts";
import { p50, round } from "../statistics.ts";
import { type Contestant, type Operation, operations, requestsOf } from "./contestant.ts";
import { measureGrowth } from "./growth.ts";
import { createRawTables, seedDirectory } from "./seed.ts";
import { userBody } from "./seed-user.ts";
import { seededConnection } from "./seeded-connection.ts";

const concurrency = 32;
type Name = "rollcall" | "raw" | "scimmy";

/**
 * Our whole durable path, from HTTP to the fsynced commit, against a bare `node:http` and `pg` that writes
 * the same rows, and against scimmy-routers with everything in memory: interleaved, at concurrency 32.
 * Then how the cost of our reads and of one member grows with what is there.
 */
export async function scim({ quick, say }: BenchOptions): Promise<BenchResult> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const fleet = await startFleet(directory, [], {
    roles: ["ingest"],
  });
  const closers: (() => Promise<void>)[] = [() => fleet.close()];
  try {
    const users = quick ? 2_000 : 10_000;
    say(`seeding ${users} users three times …`);
    const contestants: Readonly<Record<Name, Contestant>> = {
      rollcall: await seededConnection(fleet, "throughput", users, 10),
      raw: await startRaw(fleet, users, closers),
      scimmy: await startScimmy(users, closers),
    };
    const rates = await race(contestants, quick, say, () => foldCounts(fleet.database, 1));
    const growth = await measureGrowth(fleet, quick, say);
    return {
      ratios: { ...ratiosOf(rates), ...growth.ratios },
      figures: { users, ...figuresOf(rates), ...growth.figures },
    };
  } finally {
    for (const close of closers.toReversed()) await close();
    await rm(directory, { recursive: true, force: true });
  }
}

async function startRaw(fleet: Fleet, users: number, closers: (() => Promise<void>)[]): Promise<Contestant> {
  await createRawTables(fleet.databaseUrl);
  const owner = { tenantId: newId(), connectionId: newId() };
  const seeded = await seedDirectory(fleet.databaseUrl, "raw", owner, users, 10);
  const port = await freePort();
  const peer = await startPeer("./scim/raw-server.ts", port, {
    DATABASE_URL: fleet.databaseUrl,
    RAW_TENANT: owner.tenantId,
    RAW_CONNECTION: owner.connectionId,
  });
  closers.push(() => peer.close());
  return { target: { host: "127.0.0.1", port, headers: [] }, base: "", ...seeded };
}

async function startScimmy(users: number, closers: (() => Promise<void>)[]): Promise<Contestant> {
  const port = await freePort();
  const peer = await startPeer("./scim/scimmy-server.ts", port, { SEED_USERS: String(users) });
  closers.push(() => peer.close());
  const target = { host: "127.0.0.1", port, headers: [] };
  const connection = await open(target);
  const made = async (resource: string, body: object): Promise<string> => {
    const answer = await connection.send({
      method: "POST",
      path: `/${resource}`,
      body: JSON.stringify(body),
      statuses: [201],
    });
    if (answer.status !== 201) throw new Error(`the peer answered ${answer.status}: ${answer.text}`);
    return (JSON.parse(answer.text) as { readonly id: string }).id;
  };
  const userIds: string[] = [];
  for (let number = 0; number < 1_000; number += 1)
    userIds.push(await made("Users", userBody(`known-${number}@peer.test`)));
  const groupId = await made("Groups", { displayName: "Everybody", members: [] });
  connection.close();
  return { target, base: "", userName: (number) => `seed-${number % users}@peer.test`, userIds, groupId };
}

type Rates = Readonly<Record<Name, Readonly<Record<Operation, number[]>>>>;

async function race(
  contestants: Readonly<Record<Name, Contestant>>,
  quick: boolean,
  say: (line: string) => void,
  asWorkersDo: () => Promise<unknown>,
): Promise<Rates> {
  const names = Object.keys(contestants) as Name[];
  const rates: Rates = Object.fromEntries(
    names.map((name) => [name, Object.fromEntries(operations.map((operation) => [operation, []]))]),
  ) as never;
  const rounds = quick ? 3 : 7;
  for (let number = 0; number < rounds; number += 1) {
    say(`round ${number + 1} of ${rounds} …`);
    for (const operation of operations) {
      await asWorkersDo();
      for (const name of names) {
        const contestant = contestants[name];
        const count = countOf(name, operation, quick);
        const requests = requestsOf(contestant, operation, number);
        const load = runLoad(contestant.target, Math.min(concurrency, count), count, requests);
        const rate = await load.catch((cause: unknown) => {
          throw new Error(`${name} did not get through ${operation}`, { cause });
        });
        rates[name][operation].push(rate);
      }
    }
  }
  for (const operation of operations) {
    say(
      `${operation.padEnd(8)} ${names.map((name) => `${name} ${round(p50(rates[name][operation]))}/s`.padEnd(24)).join("")}`,
    );
  }
  return rates;
}

// The peer takes seconds for one page of ten thousand users: two of them tell enough.
function countOf(name: Name, operation: Operation, quick: boolean): number {
  if (name === "scimmy") return operation === "page" || operation === "filter" ? 2 : quick ? 100 : 300;
  return quick ? 400 : 1_000;
}

function ratiosOf(rates: Rates): Record<string, number> {
  return Object.fromEntries(
    operations.flatMap((operation) =>
      (["raw", "scimmy"] as const).map((peer) => [
        `${operation}_vs_${peer}`,
        round(p50(rates.rollcall[operation]) / p50(rates[peer][operation])),
      ]),
    ),
  );
}

function figuresOf(rates: Rates): Record<string, number> {
  return Object.fromEntries(
    (Object.keys(rates) as Name[]).flatMap((name) =>
      operations.map((operation) => [`${operation}_${name}_per_sec`, round(p50(rates[name][operation]))]),
    ),
  );
}
