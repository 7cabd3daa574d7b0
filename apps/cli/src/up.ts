import path from "node:path";
import type { FastifyPluginAsync } from "fastify";
import type { JWK } from "jose";
import { authzRoutes } from "@rollcall/authz";
import { loginSettingNames, loginSettingsOf } from "@rollcall/console";
import type { Rates } from "@rollcall/core/domain";
import { assertQueueSafe } from "@rollcall/core/queue";
import {
  type Context,
  createServer,
  type Fallbacks,
  isSet,
  listen,
  type Logger,
  readConfig,
  runProcess,
  type Shutdown,
} from "@rollcall/core/runtime";
import {
  assertDurable,
  createCredentials,
  type Credentials,
  type Database,
  isReady,
  migrate,
  openDatabase,
} from "@rollcall/core/store";
import { createGuard, type Guard } from "@rollcall/guard";
import { devAudience, devIssuerRoutes } from "./dev-issuer.ts";
import { keepForCli, moveForCli } from "./cli-note.ts";
import { ensureFirstIssuer, ensureFirstTenant, firstTenant, type FirstTokens } from "./first-tenant.ts";
import { lockDirectory } from "./instance-lock.ts";
import { startPostgres } from "./postgres.ts";
import { startRoles } from "./roles.ts";
import { ensureSecret, ensureSecrets, privateJwk } from "./secrets.ts";
import { welcome } from "./welcome.ts";

const settings = [
  "DATABASE_URL",
  "DATABASE_POOL",
  "REDIS_URL",
  "ROLLCALL_SECRET",
  "FEED_KEYS",
  "SSF_KEYS",
  "EGRESS_LOOPBACK",
  "PROVIDER_NETWORKS",
  "FEED_STALE_SEC_MAX",
  "ISSUER_KEYS_REFUSED",
  "FEED_RETENTION_SEC",
  "COMPARE_EVERY_SEC",
  "COMPARE_HEALS",
  "FEED_REQUESTS_PER_SEC",
  "FEED_WAITING_MAX",
  "PUBLIC_URL",
  "PORT",
  "ROLLCALL_HOME",
  "SCIM_READS_PER_SEC",
  "SCIM_WRITES_PER_SEC",
  "SCIM_DENIALS_PER_SEC",
  ...loginSettingNames,
] as const;
type Settings = (typeof settings)[number];

/** Every role in one process: on the database it is given, else on one of its own. Runs until it is told to stop. */
export async function run(): Promise<number> {
  await runProcess("up", settings, build, prepare, { LOG_LEVEL: "warn" });
  return new Promise(() => undefined);
}

/** Takes the home directory, starts what the environment does not provide, and says where it is. */
async function prepare(shutdown: Shutdown): Promise<Fallbacks> {
  const { ROLLCALL_HOME: home, PORT: port } = readConfig(["ROLLCALL_HOME", "PORT"]);
  const unlock = lockDirectory(home);
  shutdown.add("lock", unlock);
  const secrets = await ensureSecrets(path.join(home, "secrets"));
  const ours = { ...secrets, PUBLIC_URL: `http://localhost:${port}` };
  if (isSet("DATABASE_URL")) return ours;

  process.stdout.write("starting PostgreSQL …\n");
  const starting = startPostgres({ directory: path.join(home, "postgres") });
  // Also where we are stopped before it has started: nothing is left running.
  shutdown.add("postgres", () =>
    starting.then(
      (started) => started.stop(),
      () => undefined,
    ),
  );
  const postgres = await starting;
  // What is tried out on one machine may tell it, too.
  return { ...ours, DATABASE_URL: postgres.url, EGRESS_LOOPBACK: "allow" };
}

async function build({ config, log, shutdown, metrics }: Context<Settings>): Promise<void> {
  const embedded = !isSet("DATABASE_URL");
  const issuer = `${config.PUBLIC_URL}/dev`;
  if (embedded) shutdown.add("warnings", () => endWarnings(log));
  await migrate(config.DATABASE_URL);
  const database = openDatabase({
    url: config.DATABASE_URL,
    poolMax: config.DATABASE_POOL,
    onError: (error) => log.warn({ err: error }, "a connection broke"),
  });
  shutdown.add("database", () => database.close());
  await assertDurable(database);
  const queue = { databaseUrl: config.DATABASE_URL, redisUrl: config.REDIS_URL };
  await assertQueueSafe(queue, (error) =>
    log.warn({ err: error }, "the queue does not answer; the sweep works without it"),
  );

  const credentials = createCredentials(database, config.ROLLCALL_SECRET, Date.now);
  const tokens = await beginOrMove(config, database, embedded ? issuer : undefined);
  const parts = await startRoles({
    database,
    credentials,
    databaseUrl: config.DATABASE_URL,
    redisUrl: config.REDIS_URL,
    feedKeys: config.FEED_KEYS,
    ssfKeys: config.SSF_KEYS,
    egressLoopback: config.EGRESS_LOOPBACK === "allow",
    providerNetworks: config.PROVIDER_NETWORKS,
    publicUrl: config.PUBLIC_URL,
    login: loginSettingsOf(config),
    staleSecMax: config.FEED_STALE_SEC_MAX,
    refusedKeys: config.ISSUER_KEYS_REFUSED ?? {},
    retentionSec: config.FEED_RETENTION_SEC,
    compare: { everySec: config.COMPARE_EVERY_SEC, heals: config.COMPARE_HEALS === "heal" },
    feedLimits: { requestsPerSec: config.FEED_REQUESTS_PER_SEC, waitingMax: config.FEED_WAITING_MAX },
    poolMax: config.DATABASE_POOL,
    metrics,
    rates: ratesIn(config),
    log,
    shutdown,
  });
  const gateway = embedded ? await devGateway(config, database, credentials, issuer) : undefined;
  const app = createServer(log, { ready: () => isReady(database) }, shutdown, metrics);
  await listen(app, [...parts, ...(gateway?.parts ?? [])], { host: config.HOST, port: config.PORT }, shutdown);
  if (gateway !== undefined) {
    shutdown.add("guard", () => gateway.guard.close());
    await gateway.guard.start();
  }
  process.stdout.write(
    welcome({
      url: config.PUBLIC_URL,
      home: config.ROLLCALL_HOME,
      embedded,
      redis: config.REDIS_URL !== undefined,
      tokens,
    }),
  );
}

/** All that asks PostgreSQL is closed by then: that PostgreSQL ends what is left of their connections is no news. */
function endWarnings(log: Logger): void {
  if (log.isLevelEnabled("warn")) log.level = "error";
}

/** On the first start makes the tenant, on a later one sees to it that what it made knows where we are now. */
async function beginOrMove(
  { ROLLCALL_SECRET: secret, ROLLCALL_HOME: home, PUBLIC_URL: url }: Context<Settings>["config"],
  database: Database,
  devIssuer: string | undefined,
): Promise<FirstTokens | undefined> {
  const tokens = await ensureFirstTenant(database, secret, devIssuer === undefined ? [] : [devIssuer]);
  if (tokens === undefined) moveForCli(home, url);
  else keepForCli(home, { url, token: tokens.admin, tenant: firstTenant });
  if (devIssuer !== undefined) await ensureFirstIssuer(database, devIssuer);
  return tokens;
}

function ratesIn(config: Context<Settings>["config"]): Rates {
  return {
    reads: config.SCIM_READS_PER_SEC,
    writes: config.SCIM_WRITES_PER_SEC,
    denials: config.SCIM_DENIALS_PER_SEC,
  };
}

/** A gateway to try the first token at, with an issuer that signs it. */
async function devGateway(
  config: Context<Settings>["config"],
  database: Database,
  credentials: Credentials,
  issuer: string,
): Promise<{ readonly guard: Guard; readonly parts: readonly FastifyPluginAsync[] }> {
  const directory = path.join(config.ROLLCALL_HOME, "secrets");
  const key = JSON.parse(
    await ensureSecret(directory, "dev-issuer.json", async () => JSON.stringify(await privateJwk("RS256"))),
  ) as JWK;
  const token = await ensureSecret(directory, "dev-gateway-token", async () => {
    const [row] = await database.housePrisma.tenant.findMany({ where: { slug: firstTenant } });
    if (row === undefined) throw new Error(`the tenant ${firstTenant} is missing`);
    return (await credentials.issue({ purpose: "feed", tenantId: row.id, label: "the gateway of `up`" })).token;
  });
  const local = `http://127.0.0.1:${config.PORT}`;
  const { d: _d, p: _p, q: _q, dp: _dp, dq: _dq, qi: _qi, ...publicKey } = key;
  const guard = createGuard({
    issuers: [{ issuer, audience: devAudience, jwks: { keys: [publicKey] }, tenant: firstTenant }],
    feed: { url: `${local}/v1/feeds/${firstTenant}`, token, gateway: "up" },
    stale: "deny",
    unknown: "resolve",
    resolve: { url: `${local}/v1/resolve`, token },
  });
  return { guard, parts: [devIssuerRoutes(issuer, key, credentials), authzRoutes(guard)] };
}
