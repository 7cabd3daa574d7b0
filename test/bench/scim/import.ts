import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { Client } from "pg";
import { type Fleet, type Role, startFleet } from "@rollcall/cli/fleet";
import { until } from "../../harness/until.ts";
import { peakMemoryMib } from "../child-process.ts";
import { type LoadRequest, type LoadTarget, runLoad } from "../http-load.ts";
import type { BenchOptions, BenchResult } from "../main.ts";
import { round } from "../statistics.ts";
import { seededConnection } from "./seeded-connection.ts";
import { userBody } from "./seed-user.ts";

const concurrency = 32;
const bulkConcurrency = 4;
// As many as the largest body holds.
const operationsPerBulk = { Users: 500, Groups: 100 } as const;
const membersPerGroup = 100;
const roles: readonly Role[] = ["ingest", "worker", "reconciler"];
const appliedMsMax = 30 * 60_000;

type Way = "single" | "bulk";

/**
 * The first import of a directory: users, and groups of a hundred of them, one request each at concurrency
 * 32, and then again as Bulk for another connection, until the user store has them all.
 */
export async function importDirectory({ quick, say }: BenchOptions): Promise<BenchResult> {
  const users = quick ? 2_000 : 100_000;
  const groups = users / 100;
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-"));
  await chmod(directory, 0o755);
  const fleet = await startFleet(directory, [], { roles });
  try {
    const figures: Record<string, number> = { users, groups };
    const seconds: Record<Way, number> = { single: 0, bulk: 0 };
    for (const way of ["single", "bulk"] as const) {
      const { target, base } = await seededConnection(fleet, way, 0, 0);
      const startedAt = performance.now();
      const userIds = await send(
        way,
        target,
        base,
        "Users",
        range(users, (at) => userBody(`${way}-${at}@import.test`)),
      );
      await send(
        way,
        target,
        base,
        "Groups",
        range(groups, (at) => groupBody(at, userIds)),
      );
      const acceptedSec = (performance.now() - startedAt) / 1_000;
      await untilApplied(fleet);
      const appliedSec = (performance.now() - startedAt) / 1_000;
      seconds[way] = appliedSec;
      say(`${way.padEnd(8)} accepted after ${round(acceptedSec)} s, applied after ${round(appliedSec)} s`);
      Object.assign(figures, {
        [`${way}_accepted_s`]: round(acceptedSec),
        [`${way}_applied_s`]: round(appliedSec),
        [`${way}_users_per_sec`]: round(users / appliedSec),
      });
    }
    for (const role of roles) {
      const processId = fleet.processId(role);
      if (processId !== undefined) figures[`${role}_peak_mib`] = peakMemoryMib(processId);
    }
    return { ratios: { bulk_vs_single: round(seconds.single / seconds.bulk) }, figures };
  } finally {
    await fleet.close();
    await rm(directory, { recursive: true, force: true });
  }
}

function range<Item>(count: number, item: (at: number) => Item): readonly Item[] {
  return Array.from({ length: count }, (_, at) => item(at));
}

function groupBody(at: number, userIds: readonly string[]) {
  const first = (at * membersPerGroup) % userIds.length;
  return {
    displayName: `Group ${at}`,
    members: userIds.slice(first, first + membersPerGroup).map((value) => ({ value })),
  };
}

/** Creates resources, one way or the other, and answers their ids. */
async function send(
  way: Way,
  target: LoadTarget,
  base: string,
  resource: "Users" | "Groups",
  bodies: readonly object[],
): Promise<readonly string[]> {
  const ids: string[] = [];
  const requests = way === "single" ? singles(base, resource, bodies) : bulks(base, resource, bodies);
  const most = way === "single" ? concurrency : bulkConcurrency;
  await runLoad(
    target,
    Math.min(most, requests.length),
    requests.length,
    (number) => requests[number] as LoadRequest,
    (text) => {
      ids.push(...createdIds(JSON.parse(text) as Created));
    },
  );
  if (ids.length !== bodies.length) throw new Error(`${ids.length} of ${bodies.length} ${resource} were created`);
  return ids;
}

function singles(base: string, resource: string, bodies: readonly object[]): readonly LoadRequest[] {
  return bodies.map((body) => ({
    method: "POST",
    path: `${base}/${resource}`,
    body: JSON.stringify(body),
    statuses: [201],
  }));
}

function bulks(
  base: string,
  resource: keyof typeof operationsPerBulk,
  bodies: readonly object[],
): readonly LoadRequest[] {
  const requests: LoadRequest[] = [];
  for (let first = 0; first < bodies.length; first += operationsPerBulk[resource]) {
    const Operations = bodies
      .slice(first, first + operationsPerBulk[resource])
      .map((data, at) => ({ method: "POST", path: `/${resource}`, bulkId: `b${at}`, data }));
    const body = JSON.stringify({ schemas: ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], Operations });
    requests.push({ method: "POST", path: `${base}/Bulk`, body, statuses: [200] });
  }
  return requests;
}

type Created = {
  readonly id?: string;
  readonly Operations?: readonly { readonly status: string; readonly location?: string }[];
};

function createdIds({ id, Operations = [] }: Created): readonly string[] {
  if (id !== undefined) return [id];
  return Operations.flatMap(({ status, location = "" }) =>
    status === "201" ? [location.slice(location.lastIndexOf("/") + 1)] : [],
  );
}

async function untilApplied(fleet: Fleet): Promise<void> {
  const client = new Client({ connectionString: fleet.databaseUrl });
  await client.connect();
  try {
    await until(
      "everything is applied",
      async () => {
        const { rows } = await client.query("SELECT FROM lifecycle_event WHERE applied_at IS NULL LIMIT 1");
        return rows.length === 0;
      },
      appliedMsMax,
    );
  } finally {
    await client.end();
  }
}
