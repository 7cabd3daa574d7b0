import { type ChildProcessByStdio, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { freePort } from "@rollcall/cli/postgres";
import { newUser } from "../harness/tenant.ts";
import { until } from "../harness/until.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const bin = path.join(root, "apps/cli/bin/rollcall");

type Running = {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly ended: Promise<unknown>;
  output(): string;
};

let directory: string;
let home: string;
const running: Running[] = [];

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "rollcall-start-"));
  // PostgreSQL may have to run as another user, who must be able to enter.
  await chmod(directory, 0o755);
  home = path.join(directory, "home");
});
afterEach(async () => {
  for (const one of running.splice(0)) {
    one.child.kill("SIGTERM");
    await one.ended;
  }
});
afterAll(() => rm(directory, { recursive: true, force: true }));

function run(program: string, args: readonly string[], settings: Readonly<Record<string, string>>): Running {
  const child = spawn(program, args, { cwd: root, env: environment(settings), stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const one = { child, ended: once(child, "exit").then(([code]) => code as unknown), output: () => output };
  running.push(one);
  return one;
}

function environment(settings: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  // oxlint-disable-next-line node/no-process-env -- the command finds node on the same PATH
  const inherited = process.env;
  return { ...inherited, DATABASE_URL: "", REDIS_URL: "", ROLLCALL_URL: "", ROLLCALL_TOKEN: "", ...settings };
}

/** `npm start` on a port of its own, once it is up. */
async function start(port: number): Promise<Running> {
  const started = run(bin, ["up"], { ROLLCALL_HOME: home, PORT: String(port), LOG_LEVEL: "info" });
  await until(
    "it is up",
    () => {
      if (started.child.exitCode !== null) throw new Error(started.output());
      return started.output().includes("Stop with Ctrl-C");
    },
    50_000,
  );
  return started;
}

async function stop({ child, ended }: Running): Promise<unknown> {
  child.kill("SIGINT");
  return ended;
}

/** The command line, knowing nothing but what the start noted. */
function rollcall(...args: readonly string[]): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve) => {
    execFile(bin, args, { cwd: root, env: environment({ ROLLCALL_HOME: home }) }, (error, stdout) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout });
    });
  });
}

async function issuersOf(connection: string): Promise<readonly string[]> {
  const { stdout } = await rollcall("--json", "connection", "show", connection);
  return (JSON.parse(stdout) as { readonly issuers: readonly string[] }).issuers;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test("one Ctrl-C that arrives twice, from the terminal and from npm, stops everything in order and leaves nothing", async () => {
  const { child, ended, output } = await start(await freePort());
  const pidFile = path.join(home, "postgres", "data", "postmaster.pid");
  const postgres = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  expect(isAlive(postgres)).toBe(true);
  child.kill("SIGINT");
  await until("it is stopping", () => output().includes('"stopping"'));
  child.kill("SIGINT");
  expect(await ended).toBe(0);
  expect([isAlive(postgres), existsSync(pidFile), existsSync(path.join(home, "lock"))]).toEqual([false, false, false]);
  expect(output()).not.toContain("57P01");
}, 90_000);

test("whoever has lost patience ends it with a second Ctrl-C, and the exit code says that it was cut short", async () => {
  const neverClosed = `
    import { runProcess } from "@rollcall/core/runtime";
    await runProcess("story", [], async ({ shutdown }) => {
      shutdown.add("what never ends", () => new Promise(() => setInterval(() => undefined, 1_000)));
      await new Promise((resolve) => setTimeout(resolve));
    });
    setInterval(() => undefined, 1_000);
    process.stdout.write("here");`;
  const args = ["--conditions=rollcall-source", "--input-type=module", "--eval", neverClosed];
  const { child, output } = run(process.execPath, args, { SHUTDOWN_SEC_MAX: "300", LOG_LEVEL: "info" });
  await until("it runs", () => output().includes("here"));
  const code = await until("it ends", () => {
    child.kill("SIGINT");
    return child.exitCode ?? undefined;
  });
  expect(code).toBe(1);
  expect(output()).not.toContain("stopped with work left");
});

test("started again on another port, it is found by the command line, and the trial gateway admits", async () => {
  const before = await start(await freePort());
  const first = await issuersOf("idp");
  expect(await stop(before)).toBe(0);

  const port = await freePort();
  const url = `http://localhost:${port}`;
  const again = await start(port);
  expect((await rollcall("lag")).code).toBe(0);
  expect(await issuersOf("idp")).toEqual([...first, `${url}/dev`]);
  const { token: admin } = JSON.parse(readFileSync(path.join(home, "cli.json"), "utf8")) as { readonly token: string };
  const issued = await rollcall("--json", "token", "issue", "scim", "--connection", "idp");
  const { token: scim } = JSON.parse(issued.stdout) as { readonly token: string };
  const created = await fetch(`${url}/scim/v2/Users`, {
    method: "POST",
    headers: { authorization: `Bearer ${scim}`, "content-type": "application/scim+json" },
    body: JSON.stringify(newUser("00u1ann")),
  });
  expect(created.status).toBe(201);
  const signed = await fetch(`${url}/dev/token?sub=00u1ann`, { headers: { authorization: `Bearer ${admin}` } });
  const headers = { authorization: `Bearer ${await signed.text()}` };
  await until("the gateway admits", async () => (await fetch(`${url}/authz`, { headers })).status === 200);

  // A connection of the same name that an admin made is the admin's.
  expect((await rollcall("connection", "remove", "idp", "--deny-users")).code).toBe(0);
  expect((await rollcall("connection", "create", "idp", "--issuer", "https://own.example")).code).toBe(0);
  expect(await stop(again)).toBe(0);
  await start(await freePort());
  expect(await issuersOf("idp")).toEqual(["https://own.example"]);
}, 120_000);
