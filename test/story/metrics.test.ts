import { randomBytes } from "node:crypto";
import { describe, expect, onTestFinished, test } from "vitest";
import { freePort } from "@rollcall/cli/postgres";
import { createMetrics, createServer, createShutdown, listen, type Metrics, newId } from "@rollcall/core/runtime";
import { denySubject, foldLag, openAlert } from "@rollcall/core/store";
import { startPublisher, watchHouse } from "@rollcall/reconciler";
import { createFeedServer } from "../../apps/guard/src/testing/feed-server.ts";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { gatewaySays } from "../harness/fold.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { spawnRole } from "../harness/role.ts";
import { createTenant, newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse({ without: ["publisher"] });
const { database } = house;
const token = "a token that Prometheus has";

async function serve(metrics: Metrics | undefined): Promise<string> {
  const shutdown = createShutdown(quietLog, 5_000);
  const app = createServer(quietLog, { ready: async () => true }, shutdown, metrics);
  app.get("/users/:id", async (request) => ({ id: (request.params as { readonly id: string }).id }));
  const port = await listen(app, [], { host: "127.0.0.1", port: 0 }, shutdown);
  onTestFinished(() => shutdown.run("end of the test"));
  return `http://127.0.0.1:${port}`;
}

function read(url: string, given = token): Promise<Response> {
  return fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${given}` } });
}

/** The value of the one line that begins so. */
function valueOf(text: string, line: string): number | undefined {
  const found = text.split("\n").filter((one) => one.startsWith(line));
  return found.length === 1 ? Number(found[0]?.split(" ").at(-1)) : undefined;
}

describe("metrics", () => {
  test("are for whoever has the token, and are nowhere where nobody has one", async () => {
    const url = await serve(createMetrics("feed", token));
    expect((await fetch(`${url}/metrics`)).status).toBe(401);
    expect((await read(url, "another token altogether")).status).toBe(401);
    expect((await read(url, "")).status).toBe(401);
    const answer = await read(url);
    expect([answer.status, answer.headers.get("content-type")]).toEqual([
      200,
      "text/plain; version=0.0.4; charset=utf-8",
    ]);
    expect((await read(await serve(undefined))).status).toBe(404);
  });

  test("count requests by their route, and never by what somebody wrote into it", async () => {
    const url = await serve(createMetrics("feed", token));
    for (const path of ["/users/ann", "/users/bob", "/users/zoe?secret=1", "/nowhere/ann", "/livez"])
      await fetch(`${url}${path}`);
    const text = await (await read(url)).text();
    const of = (route: string, status: number) =>
      valueOf(text, `rollcall_http_request_seconds_count{role="feed",method="GET",route="${route}",status="${status}"`);
    expect([of("/users/:id", 200), of("none", 404), of("/livez", 200)]).toEqual([3, 1, 1]);
    for (const word of ["ann", "bob", "zoe", "secret"]) expect(text).not.toContain(word);
    expect(text).toContain('process_cpu_seconds_total{role="feed"}');
  });

  test("tell how quick each stage was, what waits and who follows, and name nobody", async () => {
    const tenant = await createTenant(house);
    const metrics = createMetrics("reconciler", token);
    const { onFolded } = watchHouse(metrics, database, 30);
    await tenant.scim("POST", "/Users", newUser("somebody", { displayName: "Some Body" }));
    await untilQuiet(house, tenant.id);
    onFolded(await foldLag(database));
    await denySubject(database, tenant.id, { iss: tenant.issuer, sub: "somebody" }, { actor: "test", at: new Date() });
    await gatewaySays(house, tenant, 0);
    await database.inTenant(tenant.id, (transaction) =>
      openAlert(transaction, tenant.id, { id: newId(), kind: "mass_change_braked", key: "one", level: 2, detail: {} }),
    );
    const url = await serve(metrics);
    const text = await (await read(url)).text();
    const own = `tenant="${tenant.slug}"`;
    const stage = `{${own},connection="idp",stage="acceptedToApplied"`;
    expect(valueOf(text, `rollcall_lag_seconds_count${stage}`)).toBe(1);
    expect(
      valueOf(text, `rollcall_lag_seconds_bucket{${own},connection="idp",stage="acceptedToApplied",le="+Inf"`),
    ).toBe(1);
    expect(valueOf(text, `rollcall_lag_unknown{${own},connection="idp",stage="occurredToAccepted"`)).toBe(1);
    expect(valueOf(text, `rollcall_events_waiting{${own}`)).toBe(0);
    expect(valueOf(text, `rollcall_gateways_following{${own}`)).toBe(1);
    expect(valueOf(text, `rollcall_alerts_open{kind="mass_change_braked",level="2"`)).toBe(1);
    // The denial waits for a publisher that is not there, and gateways are to know.
    expect(valueOf(text, `rollcall_feed_age_seconds{${own}`)).toBeGreaterThan(0);
    for (const word of ["somebody", "Some Body", tenant.issuer, tenant.id]) expect(text).not.toContain(word);
  });

  test("count what was folded once, though it is asked for often, and in buckets that never fall", async () => {
    const tenant = await createTenant(house);
    const metrics = createMetrics("reconciler", token);
    const { onFolded } = watchHouse(metrics, database, 30);
    const folded = { tenantId: tenant.id, connectionId: tenant.connectionId, stage: "acceptedToApplied" };
    onFolded([{ ...folded, bucket: 20, count: 3, sumMs: 330 }]);
    await metrics.scrape();
    onFolded([{ ...folded, bucket: 90, count: 1, sumMs: 1e9 }]);
    await metrics.scrape();
    const lines = (await metrics.scrape()).split("\n").filter((line) => line.includes(tenant.slug));
    const buckets = lines.filter((line) => line.startsWith("rollcall_lag_seconds_bucket"));
    const values = buckets.map((line) => Number(line.split(" ").at(-1)));
    expect(values).toEqual(values.toSorted((one, other) => one - other));
    expect([values[0], values.at(-2), values.at(-1)]).toEqual([0, 3, 4]);
    expect(lines).toContainEqual(expect.stringMatching(/^rollcall_lag_seconds_sum\{.*\} 1000000\.33$/));
  });

  test("are told by whoever leads, as it folds", async () => {
    const tenant = await createTenant(house);
    await tenant.scim("POST", "/Users", newUser("somebody"));
    await untilQuiet(house, tenant.id);
    const metrics = createMetrics("reconciler", token);
    const publisher = await startPublisher({
      database,
      log: quietLog,
      retentionSec: 3_600,
      staleSecMax: 30,
      compare: { everySec: 3_600, heals: false },
      metrics,
      newId,
    });
    onTestFinished(() => publisher.close());
    await metrics.scrape();
    const line = `rollcall_lag_seconds_count{tenant="${tenant.slug}",connection="idp",stage="acceptedToApplied"`;
    const told = await until("it is told", async () => valueOf(await metrics.scrape(), line));
    expect(told).toBe(1);
  });

  test("have labels for a hundred tenants, and one for all the others", async () => {
    await Promise.all(
      Array.from({ length: 130 }, async () => {
        const slug = `many-${randomBytes(6).toString("hex")}`;
        await database.housePrisma.tenant.create({ data: { id: newId(), slug, name: slug } });
      }),
    );
    const metrics = createMetrics("reconciler", token);
    watchHouse(metrics, database, 30);
    const text = await metrics.scrape();
    const lines = text.split("\n").filter((line) => line.startsWith("rollcall_dead_letters{"));
    expect(lines).toHaveLength(101);
    expect(lines.filter((line) => line.includes('tenant="other"'))).toHaveLength(1);
  });

  test("are told by a process as it is in production, a gateway's own counts among them", async () => {
    const clock = { sec: () => Math.floor(Date.now() / 1_000) };
    const [issuer, feed] = await Promise.all([createIssuer(clock, "RS256"), createFeedServer(clock)]);
    const port = await freePort();
    const config = {
      issuers: [{ issuer: issuer.origin, audience: "api" }],
      feed: { url: feed.url, token: feed.token, gateway: "edge", transport: "short-poll", pollSec: 1 },
      stale: "deny",
      unknown: "allow",
    };
    const role = spawnRole("authz", {
      AUTHZ_CONFIG: JSON.stringify(config),
      AUTHZ_PORT: String(port),
      METRICS_TOKEN: token,
      LOG_LEVEL: "silent",
    });
    onTestFinished(async () => {
      role.kill("SIGKILL");
      await Promise.all([issuer.close(), feed.close()]);
    });
    const text = await until("it answers", async () => {
      const answer = await read(`http://127.0.0.1:${port}`).catch(() => undefined);
      return answer?.status === 200 ? answer.text() : undefined;
    });
    for (const name of ["rollcall_http_request_seconds", "nodejs_eventloop_lag_seconds", "rollcall_guard_feed_fresh"])
      expect(text).toContain(`# TYPE ${name} `);
    expect((await fetch(`http://127.0.0.1:${port}/metrics`)).status).toBe(401);
  });
});
