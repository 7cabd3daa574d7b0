import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { fileURLToPath } from "node:url";
import { newId } from "@rollcall/core/runtime";
import {
  countRefusals,
  houseFeedId,
  recordRefusals,
  refusalsKeptPerMinute,
  sql,
  trimRefusals,
} from "@rollcall/core/store";
import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { openHouse } from "../harness/house.ts";
import { counted, minuteSec, reportingGuard, reportOf, told } from "../harness/refusal-reports.ts";
import { createTenant, newUser, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();
const since = new Date((minuteSec - 7_200) * 1_000);

async function send(token: string, feed: string, report: unknown): Promise<number> {
  const { status } = await fetch(`${house.url}/v1/feeds/${feed}/refusals`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify(report),
  });
  return status;
}
async function countsOf({ id }: Pick<TestTenant, "id">): Promise<Readonly<Record<string, number>>> {
  const rows = await countRefusals(house.database, id, since);
  return Object.fromEntries(rows.map(({ reason, count }) => [reason, count]));
}
async function keptOf({ id }: Pick<TestTenant, "id">): Promise<readonly Record<string, unknown>[]> {
  return house.database.once(
    id,
    sql`SELECT reason, request_id, iss, sub, encode(sub_hash, 'hex') AS hash, claims FROM refusal ORDER BY at, id`,
  );
}

describe("a gateway's report", () => {
  test("is counted whole, kept in part, and counted once however often it comes", async () => {
    const tenant = await createTenant(house);
    const flood = Array.from({ length: 100 }, (_, at) => told("token_expired", { request: `r-${at}` }));
    const report = reportOf(
      [counted("token_expired", 5_000), counted("claims_missing", 1)],
      [...flood, told("claims_missing", { iss: tenant.issuer, sub: "ann", claims: ["email"] })],
    );
    const answers = await Promise.all([1, 2, 3, 4].map(() => send(tenant.feedToken, tenant.slug, report)));
    expect(answers).toEqual([204, 204, 204, 204]);
    expect(await countsOf(tenant)).toEqual({ token_expired: 5_000, claims_missing: 1 });
    const kept = await keptOf(tenant);
    expect(kept.filter(({ reason }) => reason === "token_expired")).toHaveLength(refusalsKeptPerMinute);
    // Who is drowned in a flood is told of all the same.
    expect(kept).toContainEqual(expect.objectContaining({ reason: "claims_missing", sub: "ann", claims: ["email"] }));

    const second = reportOf([counted("token_expired", 7)], [told("token_expired")]);
    expect(await send(tenant.feedToken, tenant.slug, second)).toBe(204);
    expect(await countsOf(tenant)).toEqual({ token_expired: 5_007, claims_missing: 1 });
    expect(await keptOf(tenant)).toHaveLength(refusalsKeptPerMinute + 1);
  });

  test("from many gateways at once loses no count", async () => {
    const tenant = await createTenant(house);
    const reports = Array.from({ length: 40 }, (_, at) => {
      const more = at === 0 ? [] : [counted("token_expired", at)];
      return reportOf([counted("revoked", 3), ...more], [], { gateway: `edge-${at}` });
    });
    const answers = await Promise.all(reports.map((report) => send(tenant.feedToken, tenant.slug, report)));
    expect(new Set(answers)).toEqual(new Set([204]));
    expect(await countsOf(tenant)).toEqual({ revoked: 120, token_expired: (39 * 40) / 2 });
  });

  test("that is not one is refused, and nothing of it counts", async () => {
    const tenant = await createTenant(house);
    const good = reportOf([counted("revoked", 1)], [told("revoked")]);
    const bad: readonly unknown[] = [
      [],
      {},
      { ...good, id: "1" },
      { ...good, gateway: "" },
      { ...good, counts: [counted("revoked", 0)] },
      { ...good, counts: [counted("revoked", Number.MAX_SAFE_INTEGER)] },
      { ...good, counts: Array.from({ length: 2_001 }, () => counted("revoked", 1)) },
      { ...good, refusals: [told("token_expired")] },
      { ...good, refusals: Array.from({ length: 201 }, () => told("revoked")) },
      { ...good, refusals: [told("revoked", { sub: "a\0b" })] },
      { ...good, refusals: [told("revoked", { sub: "\ud800" })] },
      { ...good, refusals: [told("revoked", { sub: "x".repeat(1_025) })] },
      { ...good, refusals: [told("revoked", { hash: "short" })] },
      { ...good, refusals: [told("revoked", { claims: ["x".repeat(101)] })] },
      { ...good, refusals: [{ at: "now", reason: "revoked" }] },
      { ...good, dropped: -1 },
    ];
    const answers = await Promise.all(bad.map((report) => send(tenant.feedToken, tenant.slug, report)));
    expect(answers).toEqual(bad.map(() => 400));
    expect([await countsOf(tenant), await keptOf(tenant)]).toEqual([{}, []]);
  });

  test("of times that cannot be is counted where it may be, and of reasons that nobody knows as other", async () => {
    const tenant = await createTenant(house);
    const at = [0, 1e11];
    const counts = at.map((minute) => ({ minute, reason: "from_the_future", count: 1 }));
    expect(await send(tenant.feedToken, tenant.slug, reportOf(counts, []))).toBe(204);
    const rows = await countRefusals(house.database, tenant.id, new Date(0));
    expect(rows.map(({ reason, count }) => [reason, count])).toEqual([
      ["other", 1],
      ["other", 1],
    ]);
    for (const { minute } of rows)
      expect(Math.abs(minute.getTime() - Date.now())).toBeLessThan(2 * 3_600_000 + 120_000);
  });

  test("says how many it could not tell of", async () => {
    const tenant = await createTenant(house);
    expect(await send(tenant.feedToken, tenant.slug, reportOf([], [], { dropped: 9 }))).toBe(204);
    expect(await countsOf(tenant)).toEqual({ unreported: 9 });
  });

  test("is taken from whoever has the feed's own token, and from nobody else", async () => {
    const [tenant, other] = [await createTenant(house), await createTenant(house)];
    const report = reportOf([counted("revoked", 1)], []);
    expect(await send(other.feedToken, tenant.slug, report)).toBe(404);
    expect(await send(tenant.scimToken, tenant.slug, report)).toBe(401);
    expect(await send("nonsense", tenant.slug, report)).toBe(401);
    expect([await countsOf(tenant), await countsOf(other)]).toEqual([{}, {}]);
  });

  test("of a tenant's gateway counts for that tenant, whomever it names", async () => {
    const [tenant, other] = [await createTenant(house), await createTenant(house)];
    const whose = { tenant: other.slug, iss: other.issuer };
    const report = reportOf([counted("revoked", 3, whose)], [told("revoked", { ...whose, sub: "ann" })]);
    expect(await send(tenant.feedToken, tenant.slug, report)).toBe(204);
    expect([await countsOf(tenant), await countsOf(other)]).toEqual([{ revoked: 3 }, {}]);
    expect([await keptOf(tenant), await keptOf(other)]).toEqual([[expect.objectContaining({ sub: "ann" })], []]);
  });

  test("by a gateway of all tenants counts for the tenant whose token it was; what cannot be told is the house's", async () => {
    const shared = `https://shared.${randomUUID()}.test`;
    const [first, second, third] = [
      await createTenant(house),
      await createTenant(house, { issuer: shared }),
      await createTenant(house, { issuer: shared }),
    ];
    const { token } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "all" });
    const before = await countsOf({ id: houseFeedId });
    const report = reportOf(
      [
        counted("revoked", 1, { tenant: second.slug }),
        counted("token_expired", 2, { iss: first.issuer }),
        counted("token_expired", 4, { iss: shared }),
        counted("token_missing", 8),
        counted("revoked", 16, { tenant: "nobody" }),
      ],
      [told("revoked", { iss: shared, sub: "ann", tenant: second.slug }), told("token_missing")],
    );
    expect(await send(token, "_all", report)).toBe(204);
    expect(await send(token, "_all", report)).toBe(204);
    expect(await countsOf(first)).toEqual({ token_expired: 2 });
    expect(await countsOf(second)).toEqual({ revoked: 1 });
    expect(await countsOf(third)).toEqual({});
    expect(await keptOf(second)).toEqual([expect.objectContaining({ sub: "ann" })]);
    const after = await countsOf({ id: houseFeedId });
    const grown = (reason: string): number => (after[reason] ?? 0) - (before[reason] ?? 0);
    expect(["token_expired", "token_missing", "revoked"].map(grown)).toEqual([4, 8, 16]);
  });
});

describe("the list of what was refused", () => {
  test("is told the newest first, page by page, and by time, reason and gateway", async () => {
    const tenant = await createTenant(house);
    const admin = await adminOf(house, tenant);
    const user = await tenant.scim("POST", "/Users", newUser("ann"));
    await untilQuiet(house, tenant.id);
    const reasons = ["revoked", "subject_unknown", "revoked", "token_missing", "revoked"];
    for (const [at, reason] of reasons.entries()) {
      const one = {
        at: minuteSec + at / 10,
        reason,
        request: `r-${at}`,
        iss: tenant.issuer,
        sub: at === 0 ? "ann" : `s${at}`,
      };
      const gateway = at === 4 ? "edge-2" : "edge-1";
      expect(await send(tenant.feedToken, tenant.slug, reportOf([counted(reason, 1)], [one], { gateway }))).toBe(204);
    }
    const list = async (query: string) => (await admin("GET", `/tenants/${tenant.slug}/refusals?${query}`)).body;
    const ids = ({ items }: Record<string, unknown>): readonly unknown[] =>
      (items as readonly Record<string, unknown>[]).map(({ requestId }) => requestId);
    const first = await list("limit=2");
    const second = await list(`limit=2&after=${String(first["next"])}`);
    const third = await list(`limit=2&after=${String(second["next"])}`);
    expect([first, second, third].map(ids)).toEqual([["r-4", "r-3"], ["r-2", "r-1"], ["r-0"]]);
    expect(third).toEqual({
      items: [
        {
          at: new Date(minuteSec * 1_000).toISOString(),
          gateway: "edge-1",
          reason: "revoked",
          requestId: "r-0",
          iss: tenant.issuer,
          sub: "ann",
          userId: user.body["id"],
        },
      ],
    });
    expect(ids(await list("reason=revoked&gateway=edge-1"))).toEqual(["r-2", "r-0"]);
    const between = [1, 4].map((at) => new Date(minuteSec * 1_000 + at * 100).toISOString());
    expect(ids(await list(`from=${between[0]}&to=${between[1]}`))).toEqual(["r-3", "r-2", "r-1"]);
    for (const query of ["after=x", "from=now", "limit=0", "reason=", "more=1"])
      expect((await admin("GET", `/tenants/${tenant.slug}/refusals?${query}`)).status).toBe(400);
  });

  test("of what nobody could tell whose it was is for the operators of the house", async () => {
    const { token } = await house.credentials.issue({ purpose: "feed", tenantId: undefined, label: "all" });
    const gateway = `all-${randomUUID()}`;
    const report = reportOf([counted("token_missing", 1)], [told("token_missing")], { gateway });
    expect(await send(token, "_all", report)).toBe(204);
    const operator = await adminOf(house, undefined);
    const { body } = await operator("GET", `/refusals?gateway=${gateway}`);
    expect(body["items"]).toEqual([expect.objectContaining({ gateway, reason: "token_missing" })]);
    const tenant = await createTenant(house);
    expect((await (await adminOf(house, tenant))("GET", "/refusals")).status).toBe(404);
  });

  test("is what the command line shows, and explain takes up from there", async () => {
    const tenant = await createTenant(house);
    const bearer = { iss: tenant.issuer, sub: "00u7" };
    const report = reportOf([counted("subject_unknown", 3)], [told("subject_unknown", { request: "r-1", ...bearer })]);
    expect(await send(tenant.feedToken, tenant.slug, report)).toBe(204);
    const listed = await rollcall(tenant, ["refusal", "list", "--since", "1h", "--reason", "subject_unknown"]);
    expect(listed.stdout).toMatch(/^20\d\d-.* edge-1 +subject_unknown +r-1 +00u7 /m);
    const one = await rollcall(tenant, ["explain", "r-1", "--as", "request"]);
    expect([one.code, one.stdout]).toEqual([1, expect.stringContaining("never_provisioned: ")]);
    const time = await rollcall(tenant, ["explain", "--since", "1h"]);
    expect(time.stdout).toMatch(/^3 refused from 20.* of 1 subjects/m);
    expect(time.stdout).toMatch(/^3 +never_provisioned /m);
    const line = JSON.stringify({ level: 30, reqId: "r-1", reason: "subject_unknown", msg: "refused" });
    expect((await rollcall(tenant, ["--json", "explain", "-"], line)).stdout).toContain('"requestId":"r-1"');
  });
});

async function rollcall(
  tenant: TestTenant,
  args: readonly string[],
  input = "",
): Promise<{ readonly code: number; readonly stdout: string }> {
  const { token } = await house.credentials.issue({ purpose: "admin", tenantId: tenant.id, label: "story" });
  const bin = fileURLToPath(new URL("../../apps/cli/bin/rollcall", import.meta.url));
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const env = { ...process.env, ROLLCALL_URL: house.url, ROLLCALL_TOKEN: token };
  return new Promise((resolve) => {
    const child = execFile(bin, ["--tenant", tenant.slug, ...args], { env }, (error, stdout) =>
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout }),
    );
    child.stdin?.end(input);
  });
}

test("what a guard cannot tell is left out of its report, and the rest of it counts", async () => {
  const { issuer, tenant, guard } = await reportingGuard(house);
  const long = "r".repeat(127);
  for (const requestId of [`${long}\u{1f600}`, "a\0b", "\ud800", "req-9"]) await guard.check(undefined, { requestId });
  for (const sub of ["a\0b", "x".repeat(1_025), "bob"]) await guard.check(await issuer.mint({ sub, exp: 1 }));
  await until("all are counted", async () => {
    const counts = await countsOf(tenant);
    return counts["token_missing"] === 4 && Object.values(counts).reduce((sum, count) => sum + count, 0) === 7;
  });
  expect(guard.metrics().reports).toMatchObject({ dropped: 0 });
  const kept = await keptOf(tenant);
  const missing = kept.filter(({ reason }) => reason === "token_missing").map(({ request_id: id }) => id);
  expect(missing.toSorted(byText)).toEqual([null, null, "req-9", long]);
  const others = kept.filter(({ reason }) => reason !== "token_missing").map(({ iss, sub }) => [iss, sub]);
  expect(others.toSorted(byText)).toEqual([null, null, "bob"].map((sub) => [issuer.origin, sub]));
});

const byText = (one: unknown, other: unknown): number => String(one).localeCompare(String(other));

test("a guard that reports tells what it refused, and its decisions are what they were", async () => {
  const { issuer, tenant, guard } = await reportingGuard(house);
  const token = await issuer.mint({ sub: "00u1stranger" });
  expect(await guard.check(token, { requestId: "req-1" })).toMatchObject({ reason: "subject_unknown" });
  expect(await guard.check(undefined)).toMatchObject({ reason: "token_missing" });
  await until("both are counted", async () => {
    const counts = await countsOf(tenant);
    return counts["subject_unknown"] === 1 && counts["token_missing"] === 1;
  });
  expect(await keptOf(tenant)).toContainEqual(
    expect.objectContaining({
      reason: "subject_unknown",
      request_id: "req-1",
      iss: issuer.origin,
      sub: "00u1stranger",
    }),
  );
});

test("what was refused a week ago is forgotten, and the oldest of what is too much", async () => {
  const tenant = await createTenant(house);
  const minute = Math.floor(Date.now() / 60_000) * 60_000;
  const days = (count: number): Date => new Date(minute - count * 86_400_000);
  for (const at of [days(8), days(6), days(2), days(1)])
    await recordRefusals(house.database, tenant.id, {
      id: newId(),
      gateway: "edge-1",
      counts: [{ minute: at, reason: "revoked", count: 2 }],
      refusals: [{ at, reason: "revoked" }],
    });
  expect(await trimRefusals(house.database, tenant.id)).toBe(1);
  const counts = await countRefusals(house.database, tenant.id, days(30));
  expect(counts.map(({ minute }) => minute)).toEqual([days(6), days(2), days(1)]);
  expect(await trimRefusals(house.database, tenant.id, 1)).toBe(2);
  expect(await keptOf(tenant)).toHaveLength(1);
  expect(await countRefusals(house.database, tenant.id, days(30))).toHaveLength(3);
});
