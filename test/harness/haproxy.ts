import { type ChildProcess, spawn } from "node:child_process";
import { createPublicKey, type JsonWebKey } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createHaproxyMaps } from "@rollcall/cli/haproxy-maps";
import { haproxySocket } from "@rollcall/cli/haproxy-socket";
import { freePort } from "@rollcall/cli/postgres";
import { expect, onTestFinished } from "vitest";
import { listen } from "../../apps/guard/src/testing/http-server.ts";
import type { Issuer } from "../../apps/guard/src/testing/issuer.ts";
import { type Admin, adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import { programPath } from "./parts.ts";
import { createTenant, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

export type Seen = { readonly url: string; readonly headers: Readonly<Record<string, string>> };
export type Told = {
  readonly status: number;
  readonly challenge: string | null;
  readonly seen: Seen;
  readonly code: unknown;
};

const root = fileURLToPath(new URL("../..", import.meta.url));
const example = path.join(root, "examples/gateways/haproxy/haproxy.cfg");

/** A tenant whose feed the agent follows, an application that says what it sees, and the example's HAProxy in front. */
export async function openHaproxy(house: House, issuer: Issuer, kind: "process" | "none" = "process") {
  const tenant = await createTenant(house, { issuer: issuer.origin });
  const admin: Admin = await adminOf(house, tenant);
  let served = 0;
  const application = await listen((request, response) => {
    served += 1;
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ url: request.url, headers: request.headers }));
  });
  onTestFinished(() => application.close());
  const haproxy = await startHaproxy(application.origin, issuer);
  const startAgent = () => spawnAgent(haproxy.folder, house, tenant);
  const agent = kind === "none" ? { stop: async () => {} } : await startAgent();

  const ask = async (url: string, token: string | undefined, headers: Record<string, string> = {}): Promise<Told> => {
    const authorization: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`${haproxy.origin}${url}`, { headers: { ...authorization, ...headers } });
    const body = JSON.parse(await response.text()) as Seen & { readonly code?: unknown };
    const challenge = response.headers.get("www-authenticate");
    return { status: response.status, challenge, seen: body, code: body.code };
  };
  if (kind === "process")
    await until("HAProxy lets tokens in", async () => {
      const before = served;
      const { status } = await ask("/", await issuer.mint({ sub: "anybody" }));
      served = before;
      return status === 200;
    });
  const revoke = async (key: Record<string, unknown>): Promise<void> => {
    const { status, body } = await admin("POST", `/tenants/${tenant.slug}/revocations`, { iss: issuer.origin, ...key });
    expect(status, JSON.stringify(body)).toBeLessThan(300);
    await untilQuiet(house, tenant.id);
  };
  return { tenant, admin, haproxy, agent, startAgent, ask, revoke, served: () => served };
}

async function spawnAgent(folder: string, house: House, tenant: TestTenant) {
  const tokenFile = path.join(folder, "feed-token");
  await writeFile(tokenFile, `${tenant.feedToken}\n`);
  const words = ["gateway", "agent", "haproxy", "--gateway", "edge-1", "--feed-token-file", tokenFile];
  const feed = ["--feed", `${house.url}/v1/feeds/${tenant.slug}`, "--socket", path.join(folder, "admin.sock")];
  const maps = ["--map", path.join(folder, "rollcall.map"), "--state-map", path.join(folder, "rollcall-state.map")];
  const child = spawn(
    process.execPath,
    ["--conditions=rollcall-source", "apps/cli/src/main.ts", ...words, ...feed, ...maps],
    { cwd: root, env: { PATH: programPath }, stdio: ["ignore", "ignore", "inherit"] },
  );
  const stop = async (): Promise<void> => {
    const code = await ended(child);
    expect(code).toBe(0);
  };
  onTestFinished(() => ended(child).then(() => undefined));
  return { stop };
}

async function startHaproxy(application: string, issuer: Issuer) {
  const folder = await mkdtemp(path.join(tmpdir(), "haproxy-"));
  const port = await freePort();
  const [jwk] = issuer.jwks().keys;
  const pem = createPublicKey({ key: jwk as JsonWebKey, format: "jwk" }).export({ type: "spki", format: "pem" });
  await writeFile(path.join(folder, "issuer.pem"), pem);
  for (const name of ["rollcall.map", "rollcall-state.map"]) await writeFile(path.join(folder, name), "");
  let config = await readFile(example, "utf8");
  for (const [from, to, count] of [
    ["/run/haproxy", folder, 1],
    ["/etc/haproxy", folder, 7],
    ["bind :8000", `bind 127.0.0.1:${port}`, 1],
    ["https://idp.example", issuer.origin, 1],
    ["127.0.0.1:3000", application.slice("http://".length), 1],
  ] as const) {
    expect(config.split(from)).toHaveLength(count + 1);
    config = config.replaceAll(from, to);
  }
  const file = path.join(folder, "haproxy.cfg");
  await writeFile(file, config);

  let child: ChildProcess;
  const start = async (): Promise<void> => {
    let complaints = "";
    child = spawn("haproxy", ["-f", file, "-db"], { stdio: ["ignore", "ignore", "pipe"] });
    child.stderr?.on("data", (text: Buffer) => (complaints += text.toString("utf8")));
    await until("HAProxy answers", async () => {
      if (child.exitCode !== null) throw new Error(`HAProxy ended: ${complaints}`);
      return fetch(`http://127.0.0.1:${port}/`).then(
        ({ status }) => status === 401,
        () => false,
      );
    });
  };
  await start();
  onTestFinished(async () => {
    await ended(child);
    await rm(folder, { recursive: true });
  });
  const names = { revocations: path.join(folder, "rollcall.map"), state: path.join(folder, "rollcall-state.map") };
  return {
    folder,
    origin: `http://127.0.0.1:${port}`,
    maps: (mark: number) =>
      createHaproxyMaps({ socket: haproxySocket(path.join(folder, "admin.sock")), ...names, mark }),
    restart: async (): Promise<void> => {
      await ended(child);
      await start();
    },
  };
}

async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const exited = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await exited;
  }
  return child.exitCode;
}
