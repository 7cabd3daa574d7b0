import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createCheckClient } from "@rollcall/authz/testing";
import { freePort } from "@rollcall/cli/postgres";
import { createGuard } from "@rollcall/guard";
import { expect, onTestFinished, test } from "vitest";
import { listen } from "../../apps/guard/src/testing/http-server.ts";
import { annSub, type Explained, type ExplainScene, openExplain } from "../harness/explain-scene.ts";
import { startGateway } from "../harness/gateway-process.ts";
import { nginx, nginxArgs, temporaryPaths } from "../harness/gateway-programs.ts";
import { openHouse } from "../harness/house.ts";
import { spawnRole } from "../harness/role.ts";
import { deactivate } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";
import { untilQuiet } from "../harness/user-store.ts";

const house = await openHouse();

/** Ann has left, and a gateway knows. */
async function leaver(): Promise<ExplainScene> {
  const scene = await openExplain(house);
  await scene.tenant.scim("PATCH", `/Users/${scene.annId}`, deactivate);
  await untilQuiet(house, scene.tenant.id);
  return scene;
}

function optionsOf({ tenant, issuer }: ExplainScene, feed: object = {}) {
  return {
    issuers: [{ issuer: issuer.origin, audience: "api" }],
    feed: {
      url: `${house.url}/v1/feeds/${tenant.slug}`,
      token: tenant.feedToken,
      gateway: "edge-1",
      report: true,
      ...feed,
    },
    stale: "deny",
    unknown: "allow",
  } as const;
}

/** authz as the process that it is, and what it logs. */
async function startAuthz(scene: ExplainScene) {
  const [port, grpcPort] = [await freePort(), await freePort()];
  const child = spawnRole("authz", {
    AUTHZ_CONFIG: JSON.stringify(optionsOf(scene)),
    AUTHZ_PORT: String(port),
    AUTHZ_GRPC_PORT: String(grpcPort),
    LOG_LEVEL: "info",
  });
  let written = "";
  child.stdout.on("data", (chunk: Buffer) => (written += chunk.toString("utf8")));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  onTestFinished(async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const origin = `http://127.0.0.1:${port}`;
  await until("authz is ready", () =>
    fetch(`${origin}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  const refusals = (): readonly string[] => written.split("\n").filter((line) => line.includes('"msg":"refused"'));
  return { origin, grpcPort, refusals };
}

async function explained(scene: ExplainScene, line: string): Promise<Explained | undefined> {
  const { status, body } = await scene.ask({ line });
  return status === 200 && body.refusal !== undefined ? body : undefined;
}

test("a line of authz's own log, over HTTP or gRPC, is answered with why", async () => {
  const scene = await leaver();
  const authz = await startAuthz(scene);
  const authorization = `Bearer ${await scene.mint()}`;
  const answer = await fetch(`${authz.origin}/authz`, { headers: { authorization } });
  expect(answer.status).toBe(401);
  const client = createCheckClient(`127.0.0.1:${authz.grpcPort}`);
  onTestFinished(() => client.close());
  const asked = { attributes: { request: { http: { headers: { authorization } } } } };
  expect((await client.check(asked)).denied_response?.status?.code).toBe(401);
  const lines = await until("both are logged", () => authz.refusals().length === 2 && authz.refusals());
  for (const line of lines) {
    // The log says why and not who, so who it was is known from the report.
    expect(line).not.toContain(annSub);
    const told = await until("the refusal is told", () => explained(scene, line));
    expect(told.verdict.code).toBe("user_inactive");
    expect(told.refusal).toMatchObject({ gateway: "edge-1", reason: "revoked", sub: annSub, userId: scene.annId });
  }
  // The client has the id too, and may tell it.
  const requestId = answer.headers.get("x-request-id");
  expect((await scene.ask({ requestId })).body.verdict.code).toBe("user_inactive");
});

test.skipIf(nginx.isSkipped)(
  "a line of nginx's access log, written as the example says, is answered with why",
  async () => {
    const scene = await leaver();
    const authz = await startAuthz(scene);
    const application = await listen((_request, response) => void response.end("let in"));
    onTestFinished(application.close);
    const directory = await mkdtemp(path.join(tmpdir(), "rollcall-access-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const log = path.join(directory, "access.log");
    const readme = await readFile(new URL("../../examples/gateways/nginx/README.md", import.meta.url), "utf8");
    const [formats = "", setting = ""] = [...readme.matchAll(/^```nginx\n(.*?)^```/gms)].map(([, shown = ""]) => shown);
    const origin = await startGateway({
      program: "nginx",
      example: new URL("../../examples/gateways/nginx/nginx.conf", import.meta.url),
      replacements: (place) => [
        ["server 127.0.0.1:3000;", `server ${new URL(application.origin).host};`],
        ["server 127.0.0.1:8084;", `server ${new URL(authz.origin).host};`],
        ["listen 8000;", `listen 127.0.0.1:${place.port};`],
        ["http {\n", `http {\n${temporaryPaths(place.directory)}${formats.replace("/var/log/nginx/access.log", log)}`],
        ["      auth_request /_authz;\n", `      auth_request /_authz;\n${setting}`],
      ],
      args: nginxArgs("error"),
    });
    const headers = { authorization: `Bearer ${await scene.mint()}` };
    expect((await fetch(`${origin}/orders?sub=somebody&reason=token_expired`, { headers })).status).toBe(401);
    const line = await until("the request is logged", async () => {
      const lines = (await readFile(log, "utf8")).split("\n");
      return lines.find((one) => one.includes("/orders"));
    });
    expect(line).toMatch(/ 401 \d+ rollcall=[0-9a-f-]{36}$/);
    const told = await until("the refusal is told", () => explained(scene, line));
    expect([told.verdict.code, told.refusal?.["sub"]]).toEqual(["user_inactive", annSub]);
  },
);

test("what an application logs of a guard's decision is answered with why", async () => {
  const scene = await leaver();
  const lines: string[] = [];
  const guard = createGuard({
    ...optionsOf(scene),
    onDecision: (decision, request) => void lines.push(JSON.stringify({ time: new Date(), decision, request })),
  });
  onTestFinished(() => guard.close());
  await guard.start();
  expect((await guard.check(await scene.mint(), { route: "/orders", requestId: "r-1" })).reason).toBe("revoked");
  const told = await until("the refusal is told", () => explained(scene, lines[0] ?? ""));
  expect([told.verdict.code, told.refusal?.["requestId"]]).toEqual(["user_inactive", "r-1"]);
  // Without a report the line itself says enough.
  const { body } = await scene.ask({ line: (lines[0] ?? "").replaceAll("r-1", "r-2") });
  expect([body.verdict.code, body.refusal]).toEqual(["user_inactive", undefined]);
});

test("of a gateway that names nobody it is found out who was refused", async () => {
  const scene = await leaver();
  const { tenant } = scene;
  const { body } = await scene.admin("GET", `/tenants/${tenant.slug}/feed/subject-key`);
  const { token } = await house.credentials.issue({
    purpose: "feed",
    tenantId: tenant.id,
    hashed: true,
    label: "edge",
  });
  const guard = createGuard(optionsOf(scene, { token, subjectKey: body["subjectKey"] }));
  onTestFinished(() => guard.close());
  await guard.start();
  expect((await guard.check(await scene.mint(), { requestId: "r-3" })).reason).toBe("revoked");
  const told = await until("the refusal is told", async () => {
    const answer = await scene.ask({ requestId: "r-3" });
    return answer.status === 200 && answer.body;
  });
  expect(told.verdict.code).toBe("user_inactive");
  expect(told.refusal?.["sub"]).toBeUndefined();
  expect(told.refusal?.["subHash"]).toMatch(/^[\w-]{22}$/);
  // Whoever nobody knows stays nameless, and the gateway's word stands.
  expect((await guard.check(await scene.mint({ sub: "00u7", exp: 1 }), { requestId: "r-4" })).reason).toBe(
    "token_expired",
  );
  const nameless = await until("the refusal is told", async () => {
    const answer = await scene.ask({ requestId: "r-4" });
    return answer.status === 200 && answer.body;
  });
  expect(nameless.verdict.code).toBe("token_expired");
});
