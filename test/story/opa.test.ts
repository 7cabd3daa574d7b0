import { spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createOpaAgent } from "@rollcall/cli/opa-agent";
import { freePort } from "@rollcall/cli/postgres";
import { createServer, createShutdown } from "@rollcall/core/runtime";
import { createEntryFollower } from "@rollcall/guard/entries";
import { expect, onTestFinished, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { programPath } from "../harness/parts.ts";
import { createTenant, deactivate, newUser, reactivate, type TestTenant } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

// OPA itself is not run here. This speaks its bundle API, and decides by the bundles as the example's policy says.
const root = fileURLToPath(new URL("../..", import.meta.url));
const house = await openHouse();

type Claims = { readonly iss: string; readonly sub: string; readonly iat?: number; readonly sid?: string };
type Data = {
  readonly epoch: number;
  readonly seq: number;
  readonly until: number;
  readonly not_before: Readonly<Record<string, number>>;
};
type Name = "revocations" | "state";

const part = (text: string): string => Buffer.from(text).toString("base64url");
const nowSec = (): number => Date.now() / 1_000;

/** What of OPA concerns bundles: it names by `If-None-Match` what it has taken into use. */
function openPolicyAgent(origin: string) {
  const held = new Map<Name, { readonly tag: string; readonly data: Data; readonly revision: string }>();
  const get = (name: Name, wait?: number): Promise<Response> => {
    const tag = held.get(name)?.tag;
    return fetch(`${origin}/bundles/${name}.tar.gz`, {
      headers: {
        prefer: `modes=snapshot,delta${wait === undefined ? "" : `;wait=${wait}`}`,
        ...(tag === undefined ? {} : { "if-none-match": tag }),
      },
    });
  };
  const take = async (name: Name, wait?: number): Promise<number> => {
    const answer = await get(name, wait);
    const body = Buffer.from(await answer.arrayBuffer());
    if (answer.status !== 503)
      expect(answer.headers.get("content-type")).toBe("application/vnd.openpolicyagent.bundles");
    if (answer.status !== 200) return answer.status;
    const files = await untar(body);
    const manifest = JSON.parse(files.get(".manifest") ?? "") as { revision: string; roots: readonly string[] };
    expect(manifest.roots).toEqual([`rollcall/${name}`]);
    expect([...files.keys()].toSorted()).toEqual([".manifest", `rollcall/${name}/data.json`]);
    const data = JSON.parse(files.get(`rollcall/${name}/data.json`) ?? "") as Data;
    held.set(name, { tag: answer.headers.get("etag") ?? "", data, revision: manifest.revision });
    return 200;
  };
  /** policy.rego, for claims whose signature, issuer and audience are beyond doubt. */
  const decide = (claims: Claims, atSec = nowSec()): 200 | 401 | 503 => {
    const [revocations, state] = [held.get("revocations")?.data, held.get("state")?.data];
    const names = [
      `iss.${part(claims.iss)}`,
      `sub.${part(claims.iss)}.${part(claims.sub)}`,
      ...(claims.sid === undefined ? [] : [`sid.${part(claims.iss)}.${part(claims.sid)}`]),
    ];
    if (names.some((name) => (claims.iat ?? 0) < (revocations?.not_before[name] ?? 0))) return 401;
    if (revocations === undefined || state === undefined) return 503;
    const isOfThese = state.epoch === revocations.epoch && state.seq <= revocations.seq;
    return isOfThese && atSec < state.until ? 200 : 503;
  };
  /** One round of its polling. */
  const poll = async (): Promise<void> => {
    await take("revocations");
    await take("state");
  };
  const decides = (status: number, claims: () => Claims): Promise<true> =>
    until(`OPA decides ${status}`, async () => {
      await poll();
      return decide(claims()) === status;
    });
  const hears = (seq: number): Promise<true> =>
    until(`the state speaks of ${seq}`, async () => {
      await poll();
      return held.get("state")?.data.seq === seq;
    });
  return { get, take, poll, decide, decides, hears, held };
}

async function story(now: () => number = Date.now) {
  const tenant = await createTenant(house);
  const feed = { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "opa-1" };
  const onError = (): void => {};
  const agent = createOpaAgent({
    follow: (onChange) => createEntryFollower({ feed, onChange, onError, now }),
    now,
    onError,
  });
  const app = createServer(quietLog, { ready: async () => true }, createShutdown(quietLog, 1_000));
  await app.register(agent.routes);
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    await app.close();
    await agent.close();
  });
  const claims = (sub: string, more: Partial<Claims> = {}): Claims => ({
    iss: tenant.issuer,
    sub,
    iat: nowSec(),
    ...more,
  });
  return { tenant, agent, opa: openPolicyAgent(origin), claims };
}

async function strike(tenant: TestTenant, key: Record<string, unknown>): Promise<void> {
  const admin = await adminOf(house, tenant);
  const { status } = await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: tenant.issuer, ...key });
  expect(status).toBeLessThan(300);
  await untilQuiet(house, tenant.id);
}

test("a leaver is refused with the same token, and nobody else is; who comes back needs a new one", async () => {
  const { tenant, agent, opa, claims } = await story();
  expect(opa.decide(claims("ada"))).toBe(503);
  expect(await opa.take("revocations")).toBe(503);
  await agent.start();
  await opa.decides(200, () => claims("ada"));
  const old = claims("ada");
  const { body } = await tenant.scim("POST", "/Users", newUser("ada"));
  await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
  await opa.decides(401, () => old);
  expect(opa.decide(claims("ada"))).toBe(401);
  await opa.decides(200, () => claims("bob"));
  await tenant.scim("PATCH", `/Users/${body["id"] as string}`, reactivate);
  await opa.decides(200, () => claims("ada"));
  expect([opa.decide(old), opa.decide({ iss: tenant.issuer, sub: "ada" })]).toEqual([401, 401]);
});

test("a session and a whole issuer are struck as a subject is, and nothing beside them", async () => {
  const { tenant, agent, opa, claims } = await story();
  await agent.start();
  const [struck, spared] = [claims("ada", { sid: "s1" }), claims("ada", { sid: "s2" })];
  await opa.decides(200, () => struck);
  await strike(tenant, { session: "s1" });
  await opa.decides(401, () => struck);
  await opa.decides(200, () => spared);
  await strike(tenant, { everyone: true, kind: "nbf" });
  await opa.decides(401, () => spared);
  await opa.decides(200, () => claims("ada", { sid: "s2" }));
  expect([opa.decide(struck), opa.decide(spared)]).toEqual([401, 401]);
});

test("the state speaks of revocations only once OPA has taken them into use, and so do receipts", async () => {
  const { tenant, agent, opa, claims } = await story();
  const admin = await adminOf(house, tenant);
  const reported = async (): Promise<unknown> => {
    const { body } = await admin("GET", `/tenants/${tenant.slug}/gateways`);
    return (body["items"] as readonly Record<string, unknown>[])[0]?.["seq"];
  };
  await agent.start();
  await opa.decides(200, () => claims("ada"));
  await until("the first receipt", async () => (await reported()) === 0);

  await strike(tenant, { sub: "ada" });
  // It fetches, and has not yet taken into use what it fetched.
  const before = opa.held.get("revocations");
  await until("the bundle is there", async () => (await opa.take("revocations")) === 200);
  await opa.take("state");
  expect(opa.held.get("state")?.data.seq).toBe(0);
  expect(await reported()).toBe(0);
  expect(before?.data.seq).toBe(0);

  await opa.hears(1);
  expect(opa.decide(claims("bob"))).toBe(200);
  await until("the receipt", async () => (await reported()) === 1);
});

test("an OPA whose revocations are behind the state refuses", async () => {
  const { agent, opa, claims, tenant } = await story();
  await agent.start();
  await opa.decides(200, () => claims("ada"));
  const behind = opa.held.get("revocations");
  if (behind === undefined) throw new Error("no revocations were taken");
  await strike(tenant, { sub: "bob" });
  await opa.hears(1);
  expect([opa.decide(claims("bob")), opa.decide(claims("ada"))]).toEqual([401, 200]);
  opa.held.set("revocations", behind);
  expect(opa.decide(claims("ada"))).toBe(503);
});

test("an agent that is cut off leaves an OPA that refuses, and a known denial stands in every case", async () => {
  const { tenant, agent, opa, claims } = await story();
  await agent.start();
  await strike(tenant, { sub: "ada" });
  await opa.decides(401, () => claims("ada"));
  await opa.decides(200, () => claims("bob"));
  const admin = await adminOf(house, tenant);
  const id = tenant.feedToken.split("_")[2] as string;
  expect((await admin("DELETE", `/tenants/${tenant.slug}/tokens/${id}`)).status).toBeLessThan(300);
  const stale = nowSec() + 31;
  await opa.poll();
  expect(opa.decide(claims("bob"), stale)).toBe(503);
  expect(opa.decide(claims("ada"), stale)).toBe(401);
});

test("a poll that waits is answered by news, and without any by 304 when its time is over", async () => {
  const { tenant, agent, opa, claims } = await story();
  await agent.start();
  await opa.decides(200, () => claims("ada"));
  expect(await opa.take("revocations", 1)).toBe(304);
  const waiting = opa.take("revocations", 30);
  await strike(tenant, { sub: "ada" });
  expect(await waiting).toBe(200);
  expect(opa.decide(claims("ada"))).toBe(401);
});

test("the process serves OPA on this machine, and ends when it is told to, also while OPA waits", async () => {
  const tenant = await createTenant(house);
  const folder = await mkdtemp(path.join(tmpdir(), "opa-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const tokenFile = path.join(folder, "feed-token");
  await writeFile(tokenFile, tenant.feedToken);
  const port = await freePort();
  const words = ["gateway", "agent", "opa", "--gateway", "opa-1", "--feed-token-file", tokenFile];
  const child = spawn(
    process.execPath,
    [
      "--conditions=rollcall-source",
      "apps/cli/src/main.ts",
      ...words,
      "--feed",
      `${house.url}/v1/feeds/${tenant.slug}`,
      "--port",
      String(port),
    ],
    { cwd: root, env: { PATH: programPath }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const exited = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(() => void child.kill("SIGKILL"));
  const opa = openPolicyAgent(`http://127.0.0.1:${port}`);
  await until("the agent answers", async () => (await opa.take("revocations").catch(() => 0)) === 200);
  const waiting = opa.get("revocations", 50).then(({ status }) => status);
  await opa.get("state");
  child.kill("SIGTERM");
  expect(await waiting).toBe(304);
  expect(await exited).toBe(0);
});

/** The files of a tarball, as the machine's own tar reads them. */
async function untar(body: Buffer): Promise<ReadonlyMap<string, string>> {
  const run = (...words: readonly string[]): string => {
    const { status, stdout, stderr } = spawnSync("tar", words, { input: body, encoding: "utf8", maxBuffer: 1e8 });
    expect([status, stderr]).toEqual([0, ""]);
    return stdout;
  };
  const names = run("-tzf", "-").trim().split("\n");
  return new Map(names.map((name) => [name, run("-xzOf", "-", name)]));
}
