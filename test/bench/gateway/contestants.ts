import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { freePort } from "@rollcall/cli/postgres";
import type { GuardOptions } from "@rollcall/guard";
import { Redis } from "ioredis";
import { startRedis } from "../../harness/parts.ts";
import type { BenchFeed } from "../guard-feed.ts";
import { type BenchKey, benchAudience, benchIssuer } from "../guard-tokens.ts";
import { type Running, startModule, startProgram } from "./running.ts";

/** A way to the same application. */
export type Contestant = {
  readonly origin: string;
  /** Whose time on a processor a request costs: the gateway, and what it asks. The application is none of them. */
  readonly gateway: readonly Pick<Running, "processId">[];
  readonly asked: readonly Pick<Running, "processId">[];
};

export type Scene = {
  readonly directory: string;
  readonly key: BenchKey;
  readonly feed: BenchFeed;
  /** A token that is let in wherever tokens are checked. */
  readonly token: string;
  readonly closers: (() => Promise<unknown>)[];
};

const examples = new URL("../../../examples/gateways/", import.meta.url);
const cli = new URL("../../../apps/cli/src/main.ts", import.meta.url);
const authzMain = new URL("../../../apps/authz/src/main.ts", import.meta.url);
const fillScript = `for at = 1, tonumber(ARGV[1]) do redis.call("SET", KEYS[1] .. at, "1") end`;

function guardOptions({ key, feed }: Scene, gateway: string): GuardOptions {
  return {
    issuers: [{ issuer: benchIssuer, audience: benchAudience, jwks: { keys: [key.jwk] } }],
    feed: { url: feed.url, token: "bench", gateway, keys: feed.keys },
    stale: "deny",
    unknown: "allow",
  };
}

export async function nodeServer(scene: Scene, guarded: boolean): Promise<Contestant> {
  const port = await freePort();
  const env = { PORT: String(port), ...(guarded ? { GUARD: JSON.stringify(guardOptions(scene, "node")) } : {}) };
  const running = await startModule("node", new URL("node-server.ts", import.meta.url), env, () => letsIn(scene, port));
  scene.closers.push(() => running.close());
  return { origin: originOf(port), gateway: [running], asked: [] };
}

export async function authz(scene: Scene): Promise<{ readonly port: number; readonly asked: readonly Running[] }> {
  const port = await freePort();
  const env = { AUTHZ_PORT: String(port), AUTHZ_CONFIG: JSON.stringify(guardOptions(scene, "authz")) };
  const running = await startModule("authz", authzMain, env, () => letsIn(scene, port, "/authz"));
  scene.closers.push(() => running.close());
  return { port, asked: [running] };
}

/** jose and Redis, which holds as many denials as the feed. */
export async function joseSidecar(
  scene: Scene,
  entries: number,
): Promise<{ readonly port: number; readonly asked: readonly Pick<Running, "processId">[] }> {
  const redis = await startRedis(scene.directory);
  scene.closers.push(() => redis.stop());
  const client = new Redis(redis.url);
  await client.eval(fillScript, 1, `denied:${benchIssuer}:subject-`, entries);
  client.disconnect();
  const port = await freePort();
  const running = await startModule(
    "the sidecar",
    new URL("jose-sidecar.ts", import.meta.url),
    {
      PORT: String(port),
      JWKS: JSON.stringify({ keys: [scene.key.jwk] }),
      ISSUER: benchIssuer,
      AUDIENCE: benchAudience,
      REDIS: redis.url,
    },
    () => letsIn(scene, port),
  );
  scene.closers.push(() => running.close());
  return { port, asked: [running, redis] };
}

/** The example's nginx, or the same without a question where nobody is to be asked. */
export async function nginx(
  scene: Scene,
  application: number,
  sidecar?: { readonly port: number; readonly asked: Contestant["asked"] },
): Promise<Contestant> {
  const port = await freePort();
  const name = sidecar === undefined ? "nginx" : `nginx-${sidecar.port}`;
  const folder = path.join(scene.directory, name);
  const config = `${folder}.conf`;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (kind) => `${kind}_temp_path ${folder}-${kind};\n`,
  );
  const example = await readFile(new URL("nginx/nginx.conf", examples), "utf8");
  const asking = replaced(example, [
    ["http {\n", `http {\n${temporary.join("")}access_log off;\n`],
    ["127.0.0.1:3000", `127.0.0.1:${application}`],
    ["127.0.0.1:8084", `127.0.0.1:${sidecar?.port ?? application}`],
    ["listen 8000;", `listen 127.0.0.1:${port};`],
  ]);
  const lines = asking
    .split("\n")
    .filter((line) => sidecar !== undefined || !/auth_request|\$auth_|\$revocation_/.test(line));
  await writeFile(config, lines.join("\n"));
  const directives = `daemon off; master_process off; pid ${folder}.pid; error_log stderr error;`;
  const args = ["nginx", "-p", scene.directory, "-c", config, "-e", "stderr", "-g", directives] as const;
  const running = await startProgram(name, args, {}, () => letsIn(scene, port));
  scene.closers.push(() => running.close());
  return { origin: originOf(port), gateway: [running], asked: sidecar?.asked ?? [] };
}

export async function plainHaproxy(scene: Scene, application: number): Promise<Contestant> {
  const port = await freePort();
  const config = path.join(scene.directory, "haproxy-plain.cfg");
  const times = "timeout connect 2s\ntimeout client 30s\ntimeout server 30s";
  await writeFile(
    config,
    `defaults\nmode http\n${times}\nfrontend api\nbind 127.0.0.1:${port}\ndefault_backend application\nbackend application\nserver application 127.0.0.1:${application}\n`,
  );
  return startHaproxy(scene, config, port);
}

/** The example's HAProxy, with the agent that keeps its maps. */
export async function haproxyWithMaps(scene: Scene, application: number): Promise<Contestant> {
  const port = await freePort();
  const folder = path.join(scene.directory, "haproxy");
  const at = (name: string): string => `${folder}-${name}`;
  for (const [name, text] of [
    ["issuer.pem", scene.key.pem],
    ["rollcall.map", ""],
    ["rollcall-state.map", ""],
    ["feed-token", "bench\n"],
    ["keys.json", JSON.stringify(scene.feed.keys)],
  ] as const)
    await writeFile(at(name), text);
  const example = await readFile(new URL("haproxy/haproxy.cfg", examples), "utf8");
  const config = replaced(example, [
    ["/run/haproxy/", `${folder}-`],
    ["/etc/haproxy/", `${folder}-`],
    ["bind :8000", `bind 127.0.0.1:${port}`],
    ["https://idp.example", benchIssuer],
    ["-m str api\n", `-m str ${benchAudience}\n`],
    ["127.0.0.1:3000", `127.0.0.1:${application}`],
  ]);
  await writeFile(at("haproxy.cfg"), config);
  const contestant = await startHaproxy(scene, at("haproxy.cfg"), port, 401);
  const words = ["gateway", "agent", "haproxy", "--gateway", "haproxy", "--feed", scene.feed.url];
  const files = ["--feed-token-file", at("feed-token"), "--keys-file", at("keys.json"), "--socket", at("admin.sock")];
  const maps = ["--map", at("rollcall.map"), "--state-map", at("rollcall-state.map")];
  const agent = await startModule("the agent", cli, {}, () => letsIn(scene, port), [...words, ...files, ...maps]);
  scene.closers.push(() => agent.close());
  return { ...contestant, asked: [agent] };
}

async function startHaproxy(scene: Scene, config: string, port: number, status = 200): Promise<Contestant> {
  const answers = (): Promise<boolean> =>
    fetch(originOf(port)).then(
      (response) => response.status === status,
      () => false,
    );
  const running = await startProgram("HAProxy", ["haproxy", "-f", config, "-db"], {}, answers);
  scene.closers.push(() => running.close());
  return { origin: originOf(port), gateway: [running], asked: [] };
}

function letsIn({ token }: Scene, port: number, url = "/"): Promise<boolean> {
  return fetch(`${originOf(port)}${url}`, { headers: { authorization: `Bearer ${token}` } }).then(
    ({ status }) => status === 200,
    () => false,
  );
}

function originOf(port: number): string {
  return `http://127.0.0.1:${port}`;
}

/** Throws where the example says something else by now. */
function replaced(text: string, replacements: readonly (readonly [from: string, to: string])[]): string {
  return replacements.reduce((made, [from, to]) => {
    if (!made.includes(from)) throw new Error(`the example does not hold ${JSON.stringify(from)} any more`);
    return made.replaceAll(from, to);
  }, text);
}
