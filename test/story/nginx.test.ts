import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { authzRoutes } from "@rollcall/authz";
import { createLog, createServer as createApp, createShutdown } from "@rollcall/core/runtime";
import { createGuard } from "@rollcall/guard";
import { expect, onTestFinished, test } from "vitest";
import { createClock, until } from "../../apps/guard/src/testing/clock.ts";
import { createFeedServer } from "../../apps/guard/src/testing/feed-server.ts";
import { listen } from "../../apps/guard/src/testing/http-server.ts";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";

const example = new URL("../../examples/gateways/nginx/nginx.conf", import.meta.url);
const isMissing = spawnSync("nginx", ["-v"]).error !== undefined;
// oxlint-disable-next-line node/no-process-env -- what CI sets is no configuration of ours
const isSkipped = isMissing && process.env["CI"] !== "true";
if (isSkipped) console.warn("skipped: nginx is not on the PATH, so the nginx example is not tried");

test.skipIf(isSkipped)(
  "a valid token passes, and the application sees whom Rollcall names, not whom the client does",
  async () => {
    const { ask, issuer } = await story();
    const token = await issuer.mint({ sub: "ada", tid: "t1" });
    const forged = {
      "X-Auth-Subject": "root",
      "x-auth-user-id": "1",
      "X-Auth-Groups": "admins",
      "X-Auth-Tenant": "t9",
      X_Auth_Subject: "root",
    };
    const { status, seen } = await ask("/orders?id=7", { ...forged, authorization: `Bearer ${token}` });
    expect(status).toBe(200);
    expect(seen).toMatchObject({
      url: "/orders?id=7",
      headers: { "x-auth-subject": "ada", "x-auth-issuer": issuer.origin, "x-auth-tenant": "t1" },
    });
    for (const name of ["x-auth-user-id", "x-auth-groups", "x_auth_subject"])
      expect(seen.headers[name]).toBeUndefined();
  },
);

test.skipIf(isSkipped)(
  "a denial that arrives refuses the same token, and the client is told that it is invalid",
  async () => {
    const { ask, issuer, feed } = await story();
    const authorization = `Bearer ${await issuer.mint({ sub: "ada", tid: "t1" })}`;
    expect((await ask("/orders", { authorization })).status).toBe(200);
    feed.publish({ iss: issuer.origin, sub: "ada" });
    await until("the token is refused", async () => (await ask("/orders", { authorization })).status === 401);
    const { challenge } = await ask("/orders", { authorization });
    expect(challenge).toBe(
      'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"',
    );
  },
);

test.skipIf(isSkipped)("a gateway that is blind refuses with 403, except where its owner chose otherwise", async () => {
  const { ask, issuer, feed, clock } = await story();
  const authorization = `Bearer ${await issuer.mint({ sub: "ada", tid: "t1" })}`;
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  expect((await ask("/orders", { authorization })).status).toBe(403);
  expect((await ask("/orders", { authorization, "X-Original-URI": "/menu" })).status).toBe(403);
  expect((await ask("/menu", { authorization })).status).toBe(200);
});

test.skipIf(isSkipped)("a request without a token is refused, and told to bring one", async () => {
  const { ask, served } = await story();
  expect(await ask("/orders", {})).toMatchObject({ status: 401, challenge: 'Bearer realm="api"' });
  expect(await ask("/_authz", {})).toMatchObject({ status: 404 });
  expect(served()).toBe(0);
});

test.skipIf(isSkipped)("nobody passes while authz is down", async () => {
  const { ask, issuer, app, served } = await story();
  await app.close();
  expect((await ask("/orders", { authorization: `Bearer ${await issuer.mint({ tid: "t1" })}` })).status).toBe(500);
  expect(served()).toBe(0);
});

type Seen = { readonly url: string; readonly headers: Readonly<Record<string, string>> };

/** An issuer, a feed, authz with a guard, an application that says what it sees, and the example's nginx in front. */
async function story() {
  const clock = createClock();
  const [issuer, feed] = await Promise.all([createIssuer(clock, "RS256"), createFeedServer(clock)]);
  const guard = createGuard({
    issuers: [{ issuer: issuer.origin, audience: "api", tenantClaim: "tid" }],
    feed: { url: feed.url, token: feed.token, gateway: "nginx-1" },
    stale: (route) => (route === "/menu" ? "allow" : "deny"),
    unknown: "allow",
    now: clock.now,
  });
  await guard.start();
  const log = createLog("authz", "silent");
  const app = createApp(log, { ready: async () => true }, createShutdown(log, 1_000));
  await app.register(authzRoutes(guard, { routeFrom: "x-original-uri" }));
  const authz = await app.listen({ host: "127.0.0.1", port: 0 });
  let served = 0;
  const api = await listen((request, response) => {
    served += 1;
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  onTestFinished(async () => {
    await Promise.all([guard.close(), app.close(), issuer.close(), feed.close(), api.close()]);
  });

  const origin = await startNginx({ api: api.origin, authz });
  const ask = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(`${origin}${path}`, { headers });
    const text = await response.text();
    const seen = (response.status === 200 ? JSON.parse(text) : {}) as Seen;
    return { status: response.status, challenge: response.headers.get("www-authenticate"), seen };
  };
  return { clock, issuer, feed, app, ask, served: () => served };
}

async function startNginx({ api, authz }: { readonly api: string; readonly authz: string }): Promise<string> {
  const prefix = await mkdtemp(join(tmpdir(), "nginx-"));
  const port = await freePort();
  const replacements = [
    ["server 127.0.0.1:3000;", `server ${api.slice("http://".length)};`],
    ["server 127.0.0.1:8084;", `server ${authz.slice("http://".length)};`],
    ["listen 8000;", `listen 127.0.0.1:${port};`],
    [
      "http {\n",
      `http {\n${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `  ${name}_temp_path ${prefix}/${name};\n`).join("")}  access_log off;\n`,
    ],
  ] as const;
  let config = await readFile(example, "utf8");
  for (const [from, to] of replacements) {
    expect(config.split(from)).toHaveLength(2);
    config = config.replace(from, to);
  }
  const path = join(prefix, "nginx.conf");
  await writeFile(path, config);

  const directives = `daemon off; master_process off; pid ${prefix}/pid; error_log stderr error;`;
  const nginx = spawn("nginx", ["-p", prefix, "-c", path, "-e", "stderr", "-g", directives], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  nginx.stderr.on("data", (text: Buffer) => (complaints += text.toString("utf8")));
  onTestFinished(async () => {
    await ended(nginx);
    await rm(prefix, { recursive: true });
  });
  await until("nginx answers", async () => {
    if (nginx.exitCode !== null) throw new Error(`nginx ended: ${complaints}`);
    return fetch(`http://127.0.0.1:${port}/_authz`).then(
      (response) => response.status === 404,
      () => false,
    );
  });
  return `http://127.0.0.1:${port}`;
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await exited;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
