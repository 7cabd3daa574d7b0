import { execFileSync, spawn } from "node:child_process";
import { accessSync, chmodSync, constants, existsSync } from "node:fs";
import path from "node:path";
import { Redis } from "ioredis";
import { freePort, startPostgres } from "@rollcall/cli/postgres";
import { until } from "./until.ts";

/** Where programs are looked for, for a child that inherits nothing else. */
export const programPath = process.env["PATH"] ?? "";

/** Debian's place for what lets nginx run Lua. */
export const nginxLua = "/usr/lib/nginx/modules/ngx_http_lua_module.so";

export type Part = { readonly stop: () => Promise<void> };
export type Parts = {
  readonly postgresUrl: string;
  readonly redisUrl: string | undefined;
  readonly running: readonly Part[];
  /** What this machine could not run, and why. */
  readonly missing: readonly string[];
};

/** PostgreSQL and Redis: in containers where Docker answers, else PostgreSQL from npm and the machine's redis-server. */
export async function startParts(directory: string): Promise<Parts> {
  if (!dockerAnswers()) return startLocally(directory);
  return startContainers().catch((error: Error) => {
    process.stderr.write(
      `Docker answers but cannot run what the tests need, so they run without it: ${error.message}\n`,
    );
    return startLocally(directory);
  });
}

/** Whether Docker answers. It may still lack the images and the way to them. */
function dockerAnswers(): boolean {
  try {
    execFileSync("docker", ["info", "--format", "{{.ServerVersion}}"], { stdio: "pipe", timeout: 5_000 });
    return true;
  } catch {
    return false;
  }
}

async function startContainers(): Promise<Parts> {
  const { GenericContainer, Wait } = await import("testcontainers");
  const postgres = await new GenericContainer("postgres:18")
    .withEnvironment({ POSTGRES_PASSWORD: "rollcall", POSTGRES_USER: "rollcall" })
    .withCommand(["postgres", "-c", "fsync=off", "-c", "max_connections=300"])
    .withExposedPorts(5432)
    .withWaitStrategy(Wait.forLogMessage(/database system is ready to accept connections/, 2))
    .start();
  const redis = await new GenericContainer("redis:8")
    .withCommand(["redis-server", "--databases", "500"])
    .withExposedPorts(6379)
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const stop = (container: { stop(): Promise<unknown> }): Part => ({ stop: async () => void (await container.stop()) });
  return {
    postgresUrl: `postgresql://rollcall:rollcall@${postgres.getHost()}:${postgres.getMappedPort(5432)}`,
    redisUrl: `redis://${redis.getHost()}:${redis.getMappedPort(6379)}`,
    running: [stop(postgres), stop(redis)],
    missing: [],
  };
}

async function startLocally(directory: string): Promise<Parts> {
  chmodSync(directory, 0o755);
  const postgres = await startPostgres({
    directory: path.join(directory, "postgres"),
    settings: ["fsync=off", "max_connections=300"],
  });
  const redis = onPath("redis-server") ? await startRedis(directory) : undefined;
  return {
    postgresUrl: postgres.url.replace(/\/rollcall$/, ""),
    redisUrl: redis?.url,
    running: [postgres, ...(redis === undefined ? [] : [redis])],
    missing: [
      ...(redis === undefined ? ["BullMQ on Redis (no redis-server on PATH: apt-get install redis-server)"] : []),
      ...(onPath("nginx") ? [] : ["authz behind nginx (no nginx on PATH: apt-get install nginx)"]),
      ...(onPath("haproxy") ? [] : ["HAProxy and its agent (no haproxy on PATH: apt-get install haproxy)"]),
      ...(existsSync(nginxLua)
        ? []
        : ["the plugin for Kong (nginx has no Lua: apt-get install libnginx-mod-http-lua)"]),
      ...(onPath("caddy") ? [] : ["authz behind Caddy (no caddy on PATH: apt-get install caddy)"]),
      ...(onPath("chromium") || onPath("google-chrome")
        ? []
        : ["the console in a browser (no chromium on PATH: apt-get install chromium)"]),
      ...(onPath("slapd") ? [] : ["a directory over LDAP (no slapd on PATH: apt-get install slapd)"]),
    ],
  };
}

export async function startRedis(
  directory: string,
  wantedPort?: number,
): Promise<Part & { readonly url: string; readonly processId: number }> {
  const port = wantedPort ?? (await freePort());
  const child = spawn(
    "redis-server",
    ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--databases", "500", "--dir", directory],
    { stdio: "ignore" },
  );
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { maxRetriesPerRequest: null });
  client.on("error", () => undefined);
  const fallen = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`redis-server ended with ${code ?? "a signal"} before it answered`)));
  });
  const answers = until("redis-server answers", async () => (await client.ping()) === "PONG");
  await Promise.race([answers, fallen]).finally(() => client.disconnect());
  // Once it has answered, its end is the story's business.
  fallen.catch(() => undefined);
  return {
    url,
    processId: child.pid ?? 0,
    stop: async () => {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}

function onPath(program: string): boolean {
  return programPath
    .split(path.delimiter)
    .concat("/usr/sbin")
    .some((folder) => {
      try {
        accessSync(path.join(folder, program), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
