import { randomBytes } from "node:crypto";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import path from "node:path";
import { privateJwk } from "@rollcall/cli/secrets";
import { migrate } from "@rollcall/core/store";
import { type CommitWatch, createCommitWatch } from "./commit-watch.ts";
import { type PostgresPart, startPostgresPart } from "./postgres-part.ts";
import { type Ended, isReady, keepProcesses, type Member, type Role, spawnRole, untilReady } from "./processes.ts";
import { type Link, openLink } from "./proxy.ts";
import { createRedisPart, type RedisPart } from "./redis-part.ts";

export type { Role } from "./processes.ts";
export type Victim = Member | "postgres" | "redis";

const roles: readonly Role[] = ["ingest", "worker", "reconciler", "feed"];
const members: readonly Member[] = [...roles, "second worker", "second reconciler"];

/** The ways of one role to its stores. */
export type Links = { readonly postgres: Link; readonly redis: Link; readonly commits: CommitWatch };

export type Parts = {
  /** PostgreSQL itself, past every link. */
  readonly databaseUrl: string;
  readonly secret: string;
  readonly scimUrl: string;
  readonly feedUrl: string;
  readonly links: Readonly<Record<Member, Links>>;
  readonly postgres: PostgresPart;
  readonly redis: RedisPart;
  /** Kills a process as a power cut would: at once, and without a word. */
  kill(victim: Victim): Promise<void>;
  restart(victim: Victim): Promise<void>;
  /** Starts a role that does not run. */
  start(member: Member): Promise<void>;
  /** Ends a process with SIGTERM, which it has to answer with exit code 0 in time. */
  drain(member: Member): Promise<Ended>;
  signal(member: Member, signal: "SIGSTOP" | "SIGCONT"): void;
  /** Sets a role's clock off by so much. */
  setClock(member: Member, offMs: number): void;
  /** The roles that run and are not ready. */
  notReady(): Promise<readonly Member[]>;
  /** Roles that ended by themselves, which none may. */
  fallen(): readonly string[];
  stop(): Promise<void>;
};

const answerMsMax = 5_000;

/** How the harness calls itself at PostgreSQL, so that a storm that ends connections passes it over. */
export const harnessName = "chaos";

/**
 * PostgreSQL, Redis, and every role: real processes that can be killed and started again, each with
 * links of its own to both. A mutant makes its mistake in all of them.
 */
export async function startParts(
  directory: string,
  queue: "redis" | "postgres",
  mutant: string | undefined,
): Promise<Parts> {
  const ports = await choosePorts();
  const postgres = await startPostgresPart(directory, ports.postgres);
  await migrate(postgres.url);
  const redis = createRedisPart(directory, ports.redis);
  const links = await openLinks(ports);
  const log = openSync(path.join(directory, "roles.log"), "a");
  const environmentOf = await settingsOf({ directory, queue, mutant }, postgres.url, links, ports);
  const processes = keepProcesses();

  const start = async (member: Member): Promise<void> => {
    processes.keep(member, spawnRole(roleOf(member), environmentOf(member), log));
    await untilReady(member, ports[member], () => processes.isRunning(member));
  };
  const startRedis = (): Promise<void> => redis.start((child) => processes.keep("redis", child));
  const stop = async (): Promise<void> => {
    await Promise.all([...members, "redis" as const].map((name) => processes.end(name, "SIGTERM")));
    await Promise.all(members.flatMap((member) => [links[member].postgres.close(), links[member].redis.close()]));
    await postgres.stop();
    closeSync(log);
  };
  try {
    await startRedis();
    await Promise.all(roles.map(start));
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    databaseUrl: named(postgres.url, harnessName),
    secret: environmentOf("ingest")["ROLLCALL_SECRET"] ?? "",
    scimUrl: `http://127.0.0.1:${ports.ingest}/scim/v2`,
    feedUrl: `http://127.0.0.1:${ports.feed}`,
    links,
    postgres,
    redis,
    kill: async (victim) => {
      if (victim === "postgres") postgres.kill();
      else await processes.end(victim, "SIGKILL");
    },
    restart: (victim) =>
      victim === "postgres" ? postgres.restart() : victim === "redis" ? startRedis() : start(victim),
    start,
    drain: async (member) => (await processes.end(member, "SIGTERM")) ?? { code: 0, signal: null, tookMs: 0 },
    signal: processes.send,
    setClock: (member, offMs) => {
      writeFileSync(clockOf(directory, member), String(offMs));
      processes.send(member, "SIGUSR2");
    },
    notReady: async () => {
      const running = members.filter((member) => processes.isRunning(member));
      const ready = await Promise.all(running.map((member) => isReady(ports[member])));
      return running.filter((_, at) => ready[at] !== true);
    },
    fallen: processes.fallen,
    stop,
  };
}

type Ports = Readonly<Record<Member | "postgres" | "redis", number>>;

async function choosePorts(): Promise<Ports> {
  const names = [...members, "postgres", "redis"] as const;
  const ports = new Set<number>();
  while (ports.size < names.length) ports.add(await lastingPort());
  return Object.fromEntries(names.map((name, at) => [name, [...ports][at]])) as Ports;
}

/** A free port below those that systems give to connections: none takes it while who listens there is killed and started again. */
async function lastingPort(): Promise<number> {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}

async function openLinks(ports: Ports): Promise<Record<Member, Links>> {
  const opened = await Promise.all(
    members.map(async (member) => {
      const commits = createCommitWatch();
      const postgres = await openLink(ports.postgres, commits.watch);
      return [member, { postgres, redis: await openLink(ports.redis), commits }] as const;
    }),
  );
  return Object.fromEntries(opened) as Record<Member, Links>;
}

const clockHook = new URL("./clock-hook.ts", import.meta.url).href;
const mutantHook = new URL("./mutant-hook.ts", import.meta.url).href;

type Origin = { readonly directory: string; readonly queue: "redis" | "postgres"; readonly mutant: string | undefined };

async function settingsOf(
  { directory, queue, mutant }: Origin,
  databaseUrl: string,
  links: Readonly<Record<Member, Links>>,
  ports: Ports,
): Promise<(member: Member) => NodeJS.ProcessEnv> {
  const shared = {
    ...process.env,
    DATABASE_POOL: "8",
    ROLLCALL_SECRET: randomBytes(32).toString("base64url"),
    FEED_KEYS: JSON.stringify({ keys: [await privateJwk("EdDSA")] }),
    SSF_KEYS: JSON.stringify({ keys: [await privateJwk("RS256")] }),
    LOG_LEVEL: "warn",
    NODE_OPTIONS: [clockHook, ...(mutant === undefined ? [] : [mutantHook])]
      .map((hook) => `--import=${hook}`)
      .join(" "),
    ...(mutant === undefined ? {} : { MUTANT: mutant }),
  };
  return (member) => ({
    ...shared,
    // Each member says who it is, so that PostgreSQL can tell who wrote what.
    DATABASE_URL: named(databaseUrl, member, links[member].postgres),
    ...(queue === "redis" ? { REDIS_URL: `redis://127.0.0.1:${links[member].redis.port}` } : {}),
    [`${roleOf(member).toUpperCase()}_PORT`]: String(ports[member]),
    CHAOS_CLOCK: clockOf(directory, member),
  });
}

function named(databaseUrl: string, name: string, link?: Link): string {
  const url = new URL(databaseUrl);
  url.searchParams.set("application_name", name);
  if (link !== undefined) {
    url.port = String(link.port);
    // Left alone, a role gives up an answer after a minute; no run could wait for that.
    url.searchParams.set("query_timeout", String(answerMsMax));
  }
  return url.href;
}

function roleOf(member: Member): Role {
  return member === "second worker" ? "worker" : member === "second reconciler" ? "reconciler" : member;
}

function clockOf(directory: string, member: Member): string {
  return path.join(directory, `clock of the ${member}`);
}
