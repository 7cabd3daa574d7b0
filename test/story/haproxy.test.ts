import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createHaproxyAgent } from "@rollcall/cli/haproxy-agent";
import { type CutRow, cutKey } from "@rollcall/cli/cut-row";
import { createEntryFollower } from "@rollcall/guard/entries";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { openHaproxy } from "../harness/haproxy.ts";
import { openHouse } from "../harness/house.ts";
import { deactivate, newUser, reactivate } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const isMissing = spawnSync("haproxy", ["-v"]).error !== undefined;
// oxlint-disable-next-line node/no-process-env -- what CI sets is no configuration of ours
const isSkipped = isMissing && process.env["CI"] !== "true";
if (isSkipped) console.warn("skipped: haproxy is not on the PATH, so the HAProxy example is not tried");

const house = await openHouse();
const clock = { sec: () => Math.floor(Date.now() / 1_000) };
const issuer = await createIssuer(clock, "RS256");
afterAll(() => issuer.close());

describe.skipIf(isSkipped)("HAProxy, with the agent that writes its maps", () => {
  test("a valid token passes, and the application sees whom it names, not whom the client does", async () => {
    const { ask } = await openHaproxy(house, issuer);
    const forged = {
      "X-Auth-Subject": "root",
      "x-auth-user-id": "1",
      "X-Auth-Groups": "admins",
      "X-Auth-Tenant": "t9",
      X_Auth_Subject: "root",
      "x_auth-groups": "admins",
    };
    const token = await issuer.mint({ sub: "ada b\n", tid: "t1", aud: ["other", "api"] });
    const { status, seen } = await ask("/orders?id=7", token, forged);
    expect(status).toBe(200);
    expect(seen.url).toBe("/orders?id=7");
    const own = Object.entries(seen.headers).filter(([name]) => /^x[-_]auth/.test(name));
    expect(Object.fromEntries(own.map(([name, value]) => [name, decodeURIComponent(value)]))).toEqual({
      "x-auth-subject": "ada b\n",
      "x-auth-issuer": issuer.origin,
      "x-auth-tenant": "t1",
    });
  });

  test("every token that will not do is refused alike, and a missing one is told to come", async () => {
    const { ask, served } = await openHaproxy(house, issuer);
    const stranger = await createIssuer(clock, "RS256");
    onTestFinished(() => stranger.close());
    const [header, , signature] = (await issuer.mint()).split(".");
    const forged = Buffer.from(
      JSON.stringify({ iss: issuer.origin, sub: "ada", aud: "api", exp: clock.sec() + 300, iat: clock.sec() }),
    ).toString("base64url");
    const none = Buffer.from(JSON.stringify({ alg: "none" })).toString("base64url");
    const tokens = [
      await issuer.mint({ exp: clock.sec() - 1 }),
      await issuer.mint({ exp: undefined }),
      await issuer.mint({ exp: "soon" }),
      await issuer.mint({ iat: clock.sec() + 3_600 }),
      await issuer.mint({ nbf: clock.sec() + 3_600 }),
      await issuer.mint({ aud: "another" }),
      await issuer.mint({ aud: ["another"] }),
      await issuer.mint({ aud: undefined }),
      await issuer.mint({ iss: "https://another.test" }),
      await issuer.mint({ sub: undefined }),
      await issuer.mint({ sub: "" }),
      await issuer.mint({ sub: { name: "ada" } }),
      await issuer.mint({ sub: "a".repeat(256) }),
      await issuer.mint({}, { header: { typ: "logout+jwt" } }),
      await stranger.mint({ iss: issuer.origin }),
      `${header}.${forged}.${signature}`,
      `${none}.${forged}.`,
      "nonsense",
    ];
    for (const token of tokens) {
      const { status, challenge, code } = await ask("/", token);
      expect([status, code]).toEqual([401, "token_invalid"]);
      expect(challenge).toBe(
        'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"',
      );
    }
    expect(await ask("/", undefined)).toMatchObject({ status: 401, challenge: 'Bearer realm="api"' });
    const { status } = await ask("/", undefined, { authorization: "Basic YTpi" });
    expect([status, served()]).toEqual([401, 0]);
    expect((await ask("/", await issuer.mint({ exp: clock.sec() + 300 }))).status).toBe(200);
  });

  test("a leaver is refused with the same token, and nobody else is; who comes back needs a new one", async () => {
    const { ask, tenant } = await openHaproxy(house, issuer);
    const { body } = await tenant.scim("POST", "/Users", newUser("ada"));
    const [old, ageless, other] = await Promise.all([
      issuer.mint(),
      issuer.mint({ iat: undefined }),
      issuer.mint({ sub: "bob" }),
    ]);
    for (const token of [old, ageless, other]) expect((await ask("/", token)).status).toBe(200);
    await tenant.scim("PATCH", `/Users/${body["id"] as string}`, deactivate);
    await until("the leaver is refused", async () => (await ask("/", old)).status === 401);
    expect((await ask("/", await issuer.mint())).status).toBe(401);
    expect((await ask("/", other)).status).toBe(200);

    await tenant.scim("PATCH", `/Users/${body["id"] as string}`, reactivate);
    await until("a new token passes", async () => (await ask("/", await issuer.mint())).status === 200);
    for (const token of [old, ageless]) expect((await ask("/", token)).status).toBe(401);
  });

  test("an entry strikes what it names and nothing beside it: subject, session, token, tenant, issuer", async () => {
    const { ask, revoke } = await openHaproxy(house, issuer);
    const spared = await issuer.mint({ sub: "bob", sid: "s2", jti: "j2", tid: "t2" });
    for (const [key, claims] of [
      [{ sub: "ada" }, { sub: "ada" }],
      [{ session: "s1" }, { sub: "bob", sid: "s1" }],
      [{ tokenId: "j1" }, { sub: "bob", jti: "j1" }],
      [{ tenantClaim: "t1" }, { sub: "bob", tid: "t1" }],
    ] as const) {
      const struck = await issuer.mint(claims);
      expect((await ask("/", struck)).status).toBe(200);
      await revoke(key);
      await until(`${Object.keys(key)[0]} is struck`, async () => (await ask("/", struck)).status === 401);
      expect((await ask("/", spared)).status).toBe(200);
    }
    await revoke({ everyone: true, kind: "nbf" });
    await until("the issuer is struck", async () => (await ask("/", spared)).status === 401);
    await until("a new token passes", async () => (await ask("/", await issuer.mint({ sub: "bob" }))).status === 200);
    expect((await ask("/", spared)).status).toBe(401);
  });

  test("whatever a subject is written with, it is refused, and one that looks like it is not", async () => {
    const { ask, revoke } = await openHaproxy(house, issuer);
    const subjects = ["a b", "a|b", "a#b", "a;b", "a\\b", 'a"b', "a\nb", "a.b", "ä€😀", "<<", "a 0", "-m"];
    const tokens = await Promise.all(subjects.map((sub) => issuer.mint({ sub })));
    const spared = await Promise.all(["a", "b", "ab", "a  b", "a/b"].map((sub) => issuer.mint({ sub })));
    for (const sub of subjects) await revoke({ sub });
    for (const [index, token] of tokens.entries())
      await until(`${subjects[index]} is refused`, async () => (await ask("/", token)).status === 401);
    for (const token of spared) expect((await ask("/", token)).status).toBe(200);
  });

  test("a HAProxy that was restarted lets nobody in until the agent has filled its maps again", async () => {
    const { ask, revoke, haproxy, agent, startAgent } = await openHaproxy(house, issuer);
    const [leaver, stayer] = await Promise.all([issuer.mint({ sub: "ada" }), issuer.mint({ sub: "bob" })]);
    await revoke({ sub: "ada" });
    await until("the leaver is refused", async () => (await ask("/", leaver)).status === 401);
    await haproxy.restart();
    await until("the stayer passes", async () => (await ask("/", stayer)).status === 200);
    expect((await ask("/", leaver)).status).toBe(401);

    await agent.stop();
    await haproxy.restart();
    for (const token of [leaver, stayer]) expect(await ask("/", token)).toMatchObject({ status: 503 });
    await startAgent();
    await until("the stayer passes", async () => (await ask("/", stayer)).status === 200);
    expect((await ask("/", leaver)).status).toBe(401);
  });

  test("a gateway tells how far HAProxy is, by the name that it was given", async () => {
    const { admin, tenant, revoke } = await openHaproxy(house, issuer);
    await revoke({ sub: "ada" });
    const told = await until("HAProxy has passed the entry", async () => {
      const { body } = await admin("GET", `/tenants/${tenant.slug}/gateways`);
      const [gateway] = body["items"] as readonly Record<string, unknown>[];
      return gateway?.["seq"] === 1 ? gateway : undefined;
    });
    expect(told).toMatchObject({ name: "edge-1", digestMatches: true });
  });

  test("an agent that is cut off leaves a gateway that refuses, and a known denial stands in every case", async () => {
    const { ask, tenant, haproxy, admin, revoke } = await openHaproxy(house, issuer, "none");
    // Its clock is behind, so what it is told ends soon; the feed's minute of tolerance covers it.
    const now = (): number => Date.now() - 26_000;
    const feed = { url: `${house.url}/v1/feeds/${tenant.slug}`, token: tenant.feedToken, gateway: "edge-1" };
    const follower = (onChange: Parameters<Parameters<typeof createHaproxyAgent>[0]["follow"]>[0]) =>
      createEntryFollower({ feed, onChange, onError: () => {}, now });
    const own = createHaproxyAgent({ follow: follower, maps: haproxy.maps(1), now, onError: () => {} });
    onTestFinished(() => own.close());
    await own.start();
    const [leaver, stayer] = await Promise.all([issuer.mint({ sub: "ada" }), issuer.mint({ sub: "bob" })]);
    await revoke({ sub: "ada" });
    await until("the leaver is refused", async () => (await ask("/", leaver)).status === 401);
    await until("the stayer passes", async () => (await ask("/", stayer)).status === 200);

    const id = tenant.feedToken.split("_")[2] as string;
    expect((await admin("DELETE", `/tenants/${tenant.slug}/tokens/${id}`)).status).toBeLessThan(300);
    const blind = await until("the stayer is refused", async () => {
      const told = await ask("/", stayer);
      return told.status === 200 ? undefined : told;
    });
    expect(blind).toMatchObject({ status: 503, code: "authz_unavailable" });
    expect((await ask("/", leaver)).status).toBe(401);
  });

  test("while every row is replaced no denied token passes, and nobody else is refused", async () => {
    const { ask, haproxy } = await openHaproxy(house, issuer, "none");
    const maps = haproxy.maps(7);
    const denied = cutKey({ op: "deny", scope: "sub", iss: issuer.origin, sub: "ada" });
    const [leaver, stayer] = await Promise.all([issuer.mint({ sub: "ada" }), issuer.mint({ sub: "bob" })]);
    await maps.replace([{ key: denied, notBefore: Number.MAX_SAFE_INTEGER }], clock.sec() + 600);
    const seen = new Set<string>();
    let isDone = false;
    const asking = (async () => {
      while (!isDone) {
        const [first, second] = await Promise.all([ask("/", leaver), ask("/", stayer)]);
        seen.add(`${first.status} ${second.status}`);
      }
    })();
    for (let round = 0; round < 5; round += 1) await maps.replace(crowd(denied, 30_000), clock.sec() + 600);
    isDone = true;
    await asking;
    expect([...seen]).toEqual(["401 200"]);
    expect(await maps.areOurs()).toBe(true);
    expect(await haproxy.maps(8).areOurs()).toBe(false);
  });

  test("a change is written as it is, and a map too large for that is replaced instead", async () => {
    const { ask, haproxy } = await openHaproxy(house, issuer, "none");
    const maps = haproxy.maps(9);
    const key = cutKey({ op: "deny", scope: "sub", iss: issuer.origin, sub: "ada" });
    const token = await issuer.mint({ sub: "ada" });
    const statusAfter = async (notBefore: number) => {
      expect(await maps.change([{ key, notBefore }])).toBe(true);
      return (await ask("/", token)).status;
    };
    await maps.replace([], clock.sec() + 600);
    expect(await statusAfter(clock.sec() + 60)).toBe(401);
    expect(await statusAfter(0)).toBe(200);
    expect(await statusAfter(clock.sec() - 60)).toBe(200);
    const many = Array.from({ length: 1_500 }, (_, index): CutRow => ({ key: `sub.x.${index}`, notBefore: 1 }));
    expect(await maps.change(many)).toBe(true);
    const twice = many.map((row) => ({ ...row, notBefore: 2 }));
    expect(await maps.change([...twice, { key: "sub.x.new", notBefore: 3 }])).toBe(false);
  });
});

test("the agent says what is wrong with how it was called, and ends", () => {
  const run = (...words: readonly string[]) =>
    spawnSync(
      process.execPath,
      ["--conditions=rollcall-source", "apps/cli/src/main.ts", "gateway", "agent", ...words],
      {
        cwd: root,
        encoding: "utf8",
      },
    );
  const maps = ["--socket", "/nowhere", "--map", "/a.map", "--state-map", "/b.map", "--gateway", "edge"];
  const feed = ["--feed", "https://rollcall.test/v1/feeds/acme", "--feed-token-file"];
  expect(run("haproxy", ...maps).status).toBe(2);
  const unread = run("haproxy", ...maps, ...feed, "/nowhere/token");
  expect([unread.status, unread.stderr]).toEqual([2, expect.stringContaining("/nowhere/token cannot be read")]);
  const misnamed = run("haproxy", ...maps, ...feed, "package.json", "--map", "a b;c");
  expect([misnamed.status, misnamed.stderr]).toEqual([2, expect.stringContaining("no name of a map")]);
});

/** So many rows, and the one that counts as the last. */
function* crowd(denied: string, count: number): Generator<CutRow> {
  for (let index = 0; index < count; index += 1) yield { key: `sub.crowd.${index}`, notBefore: 1 };
  yield { key: denied, notBefore: Number.MAX_SAFE_INTEGER };
}
