import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type GatewayProcess, type OnEnd, startGateway } from "./gateway-process.ts";
import { nginxLua } from "./parts.ts";

/** What a gateway stands in front of, and whom it asks. */
export type Surroundings = { readonly api: string; readonly authz: string };
export type GatewayProgram = {
  readonly isSkipped: boolean;
  readonly start: (around: Surroundings, onEnd?: OnEnd) => Promise<string>;
};

const examples = new URL("../../examples/gateways/", import.meta.url);
const doubles = new URL("kong/", import.meta.url);
const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** The example for nginx in a real one. */
export const nginx = gatewayProgram("nginx", isMissing("nginx", "-v"), ({ api, authz }) => ({
  program: "nginx",
  example: new URL("nginx/nginx.conf", examples),
  replacements: ({ directory, port }) => [
    ["server 127.0.0.1:3000;", `server ${addressOf(api)};`],
    ["server 127.0.0.1:8084;", `server ${addressOf(authz)};`],
    ["listen 8000;", `listen 127.0.0.1:${port};`],
    ["http {\n", `http {\n${temporaryPaths(directory)}  access_log off;\n`],
  ],
  args: nginxArgs("error"),
}));

/** The example for Caddy in a real one. */
export const caddy = gatewayProgram("caddy", isMissing("caddy", "version"), ({ api, authz }) => ({
  program: "caddy",
  example: new URL("caddy/Caddyfile", examples),
  replacements: ({ port }) => [
    ["127.0.0.1:8084", addressOf(authz)],
    ["127.0.0.1:3000", addressOf(api)],
    [":8000 {", `http://127.0.0.1:${port} {`],
  ],
  args: ({ config }) => ["run", "--config", config, "--adapter", "caddyfile"],
}));

/** The plugin for Kong itself, in the Lua of a real nginx, on a double of Kong's plugin development kit. */
export const kong = gatewayProgram("nginx with Lua", !existsSync(nginxLua), ({ api, authz }) => ({
  program: "nginx",
  example: new URL("nginx.conf", doubles),
  replacements: ({ directory, port }) => [
    ["PLUGIN", fileURLToPath(new URL("kong", examples))],
    ["DOUBLES/", fileURLToPath(doubles)],
    ["http://127.0.0.1:3000", api],
    ["http://127.0.0.1:8084", authz],
    ["listen 8000;", `listen 127.0.0.1:${port};`],
    ["http {\n", `http {\n${temporaryPaths(directory)}`],
  ],
  args: nginxArgs("crit"),
}));

/** How a real nginx is run in a directory of its own, and ended with what started it. */
export function nginxArgs(complaints: "error" | "crit"): GatewayProcess["args"] {
  return ({ directory, config }) => {
    const settings = `daemon off; master_process off; pid ${directory}/pid; error_log stderr ${complaints};`;
    return ["-p", directory, "-c", config, "-e", "stderr", "-g", settings];
  };
}

/** Where nginx keeps what it has no room for in memory; as built it is a directory of root's. */
export function temporaryPaths(directory: string): string {
  return temporary.map((name) => `  ${name}_temp_path ${directory}/${name};\n`).join("");
}

function gatewayProgram(
  name: string,
  missing: boolean,
  processOf: (around: Surroundings) => GatewayProcess,
): GatewayProgram {
  const isSkipped = missing && process.env["CI"] !== "true";
  if (isSkipped) console.warn(`skipped: there is no ${name} here, so the gateways that need it are not tried`);
  return { isSkipped, start: (around, onEnd) => startGateway(processOf(around), onEnd) };
}

function isMissing(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args).error !== undefined;
}

function addressOf(origin: string): string {
  return origin.slice("http://".length);
}
