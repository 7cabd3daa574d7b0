import { once } from "node:events";
import { createCheckClient } from "@rollcall/authz/testing";
import { freePort } from "@rollcall/cli/postgres";
import { expect, onTestFinished, test } from "vitest";
import { createFeedServer } from "../../apps/guard/src/testing/feed-server.ts";
import { createIssuer } from "../../apps/guard/src/testing/issuer.ts";
import { spawnRole } from "../harness/role.ts";
import { until } from "../harness/until.ts";

const clock = { sec: () => Math.floor(Date.now() / 1_000) };

function start(settings: Readonly<Record<string, string>>) {
  const child = spawnRole("authz", { LOG_LEVEL: "error", ...settings });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString("utf8")));
  const exited = once(child, "exit") as Promise<[number | null]>;
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { child, exited, complaints: () => complaints };
}

test("authz that is misconfigured does not start, and names every problem at once", async () => {
  const config = {
    issuers: [{ issuer: "https://idp.example" }],
    feed: { url: "x", token: "hush", gateway: "edge-1" },
    stale: "deny",
    typo: 1,
  };
  const { exited, complaints } = start({ AUTHZ_CONFIG: JSON.stringify(config) });
  expect((await exited)[0]).toBe(2);
  for (const problem of [
    "AUTHZ_CONFIG typo:",
    "AUTHZ_CONFIG issuers[0].audience:",
    "AUTHZ_CONFIG feed.url:",
    "AUTHZ_CONFIG unknown:",
  ])
    expect(complaints()).toContain(problem);
  expect(complaints()).not.toContain("hush");
});

test("authz answers at both its doors, and leaves them in order", async () => {
  const [issuer, feed] = await Promise.all([createIssuer(clock, "RS256"), createFeedServer(clock)]);
  onTestFinished(async () => {
    await Promise.all([issuer.close(), feed.close()]);
  });
  const [port, grpcPort] = [await freePort(), await freePort()];
  const config = {
    issuers: [{ issuer: issuer.origin, audience: "api", services: [{ claim: "sub", prefix: "svc-" }] }],
    feed: { url: feed.url, token: feed.token, gateway: "edge-1", transport: "short-poll", pollSec: 1 },
    stale: { routes: { "/menu": "allow" }, otherwise: "deny" },
    routeFrom: "path",
    unknown: "allow",
  };
  const settings = {
    AUTHZ_CONFIG: JSON.stringify(config),
    AUTHZ_PORT: String(port),
    AUTHZ_GRPC_PORT: String(grpcPort),
  };
  const { child, exited, complaints } = start(settings);
  const ready = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      ({ ok }) => ok,
      () => child.exitCode !== null && Promise.reject(new Error(complaints())),
    );
  await until("authz is ready", ready);

  const authorization = `Bearer ${await issuer.mint()}`;
  const overHttp = async () =>
    (await fetch(`http://127.0.0.1:${port}/authz/orders`, { headers: { authorization } })).status;
  const client = createCheckClient(`127.0.0.1:${grpcPort}`);
  onTestFinished(client.close);
  const overGrpc = async () =>
    (await client.check({ attributes: { request: { http: { headers: { authorization } } } } })).denied_response?.status
      .code ?? 200;
  expect([await overHttp(), await overGrpc()]).toEqual([200, 200]);
  feed.publish({ iss: issuer.origin, sub: "ada" });
  await until("both doors refuse", async () => (await overHttp()) === 401 && (await overGrpc()) === 401);

  child.kill("SIGTERM");
  expect((await exited)[0]).toBe(0);
});
