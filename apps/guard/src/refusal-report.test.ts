import { expect, onTestFinished, test } from "vitest";
import { protect } from "./adapters/http.ts";
import { renderMetrics } from "./metrics.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import { reportRefusals } from "./refusal-report.ts";
import { until } from "./testing/clock.ts";
import { listen, readText } from "./testing/http-server.ts";
import { createScene, type Scene } from "./testing/scene.ts";
import type { RefusalReport } from "./wire.ts";

const reporting = (scene: Scene, more: object = {}) => ({ feed: { ...scene.options().feed, report: true, ...more } });

test("what is refused is told a moment later: all of it counted, some of it one by one, and never the token", async () => {
  const scene = await createScene();
  const { issuer, clock, feed } = scene;
  const guard = await scene.guard(reporting(scene));
  const expired = await issuer.mint({ exp: 1 });
  for (let times = 0; times < 30; times += 1) await guard.check(expired, { requestId: `r-${times}` });
  await guard.check(undefined, { requestId: "r-none" });
  await guard.check(await issuer.mint());
  const report = await firstReport(scene);

  const minute = Math.floor(clock.sec() / 60) * 60;
  expect(report).toMatchObject({ gateway: "edge-1", dropped: 0 });
  expect(report.counts).toEqual([
    { minute, reason: "token_expired", count: 30 },
    { minute, reason: "token_missing", count: 1 },
  ]);
  expect(report.refusals).toHaveLength(21);
  expect(report.refusals[0]).toEqual({
    at: clock.now() / 1_000,
    reason: "token_expired",
    request: "r-0",
    iss: issuer.origin,
    sub: "ada",
  });
  expect(report.refusals.at(-1)).toEqual({ at: clock.now() / 1_000, reason: "token_missing", request: "r-none" });
  for (const part of expired.split(".")) expect(JSON.stringify(feed.told.reports)).not.toContain(part);
  await until("it is counted as told", () => guard.metrics().reports?.reported === 31);
  expect(renderMetrics(guard.metrics())).toContain("rollcall_guard_refusals_reported_total 31\n");
});

test("nobody is told who has not said so", async () => {
  const scene = await createScene();
  const guard = await scene.guard();
  await guard.check(undefined);
  expect(guard.metrics().reports).toBeUndefined();
  expect(renderMetrics(guard.metrics())).not.toContain("refusals_reported");
});

test("while Rollcall is away nothing waits for it, nothing is lost, and what comes twice has one name", async () => {
  const scene = await createScene();
  const { feed } = scene;
  feed.told.report = () => ({ status: 503 });
  const guard = await scene.guard(reporting(scene));
  await guard.check(undefined);
  await until("the report was not taken", () => feed.told.reports.length === 1);
  await until("the fault is told", () => scene.codes().includes("report_refused"));
  for (let times = 0; times < 1_000; times += 1) await guard.check("nonsense");
  feed.told.report = () => ({ status: 204 });
  await until("everything is taken", () => guard.metrics().reports?.reported === 1_001);

  const [first, again, rest] = feed.told.reports;
  expect(again).toEqual(first);
  expect(rest?.counts).toEqual([expect.objectContaining({ reason: "token_malformed", count: 1_000 })]);
  expect(rest?.refusals).toHaveLength(20);
  expect(rest?.id).not.toBe(first?.id);
});

test("what cannot be told within the hour is given up, and how much that was is told", async () => {
  const scene = await createScene();
  const { feed, clock } = scene;
  feed.told.report = () => ({ status: 503 });
  const guard = await scene.guard(reporting(scene));
  await guard.check(undefined);
  await until("the report was not taken", () => feed.told.reports.length === 1);
  await guard.check("nonsense");
  clock.advanceSec(3_700);
  await guard.check("nonsense");
  feed.told.report = () => ({ status: 204 });
  await until("the rest is taken", () => guard.metrics().reports?.reported === 1);
  expect(guard.metrics().reports).toEqual({ reported: 1, dropped: 2 });
  expect(feed.told.reports.at(-1)).toMatchObject({ counts: [{ reason: "token_malformed", count: 1 }], dropped: 2 });
});

test("a report that is refused for good is not told again", async () => {
  const scene = await createScene();
  const { feed } = scene;
  feed.told.report = () => ({ status: 400 });
  const guard = await scene.guard(reporting(scene));
  await guard.check(undefined);
  await until("it is given up", () => guard.metrics().reports?.dropped === 1);
  expect(feed.told.reports).toHaveLength(1);
});

test("however much is refused, a report has its size: what is not told one by one is counted, and the rest is dropped with a count", async () => {
  const { reporter, reports } = await reporterOfAllTenants();
  const refuse = (reason: RefusalReason, tenant: string) =>
    reporter.refused({ allow: false, reason, status: 401, tenant, iss: "https://idp.test", sub: "ada" }, {});
  const reasons = Object.keys(refusalReasons) as readonly RefusalReason[];
  for (const reason of reasons) for (let times = 0; times < 30; times += 1) refuse(reason, "acme");
  // As many tenants as somebody can think of.
  for (let number = 0; number < 2_010; number += 1) refuse("revoked", `t${number}`);
  await until("it is told", () => reports.length > 0);
  const [report] = reports;
  const room = 2_000 - reasons.length;
  expect(report?.counts).toHaveLength(2_000);
  expect(report?.refusals).toHaveLength(200);
  for (const reason of reasons)
    expect(report?.refusals.filter((one) => one.reason === reason).length).toBeLessThanOrEqual(20);
  expect(report?.counts.filter(({ tenant }) => tenant === "acme").map(({ count }) => count)).toEqual(
    reasons.map(() => 30),
  );
  expect(report?.dropped).toBe(2_010 - room);
  await until("it is taken", () => reporter.counts().reported === reasons.length * 30 + room);
  expect(reporter.counts().dropped).toBe(2_010 - room);
});

test("a tenant that cannot be told is left out, and who issued the token is told", async () => {
  const { reporter, reports } = await reporterOfAllTenants();
  const tenants = ["acme", "a\0b", "\ud800", "x".repeat(1_025)];
  for (const tenant of tenants)
    reporter.refused({ allow: false, reason: "revoked", status: 401, tenant, iss: "https://idp.test" }, {});
  await until("it is told", () => reports.length > 0);
  expect(reports[0]?.counts).toEqual([
    expect.objectContaining({ tenant: "acme", count: 1 }),
    expect.objectContaining({ iss: "https://idp.test", count: 3 }),
  ]);
});

test("a guard of a hashed feed names nobody", async () => {
  const scene = await createScene();
  const { feed, issuer } = scene;
  feed.told.hashed = true;
  feed.publish({ iss: issuer.origin, sub: "ada" });
  const guard = await scene.guard(reporting(scene, { subjectKey: feed.subjectKey }));
  expect(await guard.check(await issuer.mint())).toMatchObject({ reason: "revoked", sub: "ada" });
  const report = await firstReport(scene);
  expect(report.refusals[0]).toMatchObject({
    iss: issuer.origin,
    hash: expect.stringMatching(/^[\w-]{22}$/) as string,
  });
  expect(JSON.stringify(report)).not.toContain("ada");
});

test("an application's request goes by the name that it came with", async () => {
  const scene = await createScene();
  const guard = await scene.guard(reporting(scene));
  const application = await listen((request, response) => void protect(guard, () => undefined)(request, response));
  onTestFinished(application.close);
  await fetch(application.origin, { headers: { "x-request-id": "req-7" } });
  const report = await firstReport(scene);
  expect(report.refusals).toEqual([expect.objectContaining({ reason: "token_missing", request: "req-7" })]);
});

async function firstReport({ feed }: Scene): Promise<RefusalReport> {
  await until("there is a report", () => feed.told.reports.length > 0);
  return feed.told.reports[0]!;
}

/** For a gateway of all tenants, with what it tells. */
async function reporterOfAllTenants() {
  const reports: RefusalReport[] = [];
  const server = await listen((request, response) => {
    void readText(request).then((body) => {
      reports.push(JSON.parse(body) as RefusalReport);
      response.writeHead(204).end();
    });
  });
  onTestFinished(server.close);
  const ending = new AbortController();
  onTestFinished(() => ending.abort());
  const reporter = reportRefusals({
    settings: { url: server.origin, token: "a feed token", gateway: "edge-1", subjectKey: undefined },
    ofAllTenants: true,
    hashOf: () => "",
    now: () => 1_000_000_000_000,
    signal: ending.signal,
    onError: (error) => expect.fail(error.message),
  });
  return { reporter, reports };
}
