import { readFileSync } from "node:fs";
import { z } from "zod";
import { loginRoles } from "./login-roles.ts";
import { isNetwork } from "./reach.ts";

/** Every setting has one of these: what it is, how it is checked, what it is when it is not set. */
const port = z.coerce.number().int().min(0).max(65_535);
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, "must begin with postgresql://");
const redisUrl = z.string().regex(/^rediss?:\/\//, "must begin with redis:// or rediss://");
const perSec = z.coerce.number().int().min(1).max(1_000_000);
const httpUrl = z.url({ protocol: /^https?$/ }).transform((url) => url.replace(/\/+$/, ""));
/** Compared byte by byte with what the provider says of itself, so nothing is trimmed. */
const httpUrlAsIs = z.url({ protocol: /^https?$/ });
const keyIdsByIssuer = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "must be JSON" });
      return z.NEVER;
    }
  })
  .pipe(z.record(z.string(), z.array(z.string().min(1)), 'must be as {"https://idp.example":["kid"]}'));

const networks = z
  .string()
  .transform((text) => text.split(/[\s,]+/).filter((part) => part !== ""))
  .pipe(z.array(z.string().refine(isNetwork, "must name networks, as in 10.20.0.0/16,fd12:3456::/32")));

const settings = {
  DATABASE_URL: postgresUrl.describe("PostgreSQL 15 or newer, as the owner of the tables"),
  REDIS_URL: redisUrl.optional().describe("Redis for the queue; without it the queue lives in PostgreSQL"),
  ROLLCALL_SECRET: z.string().min(32, "must have at least 32 characters").describe("keys the digests of bearer tokens"),
  FEED_KEYS: z
    .string()
    .startsWith("{", "must be a private JWKS")
    .describe("private JWKS: the first key signs the feed, all are published"),
  SSF_KEYS: z
    .string()
    .startsWith("{", "must be a private JWKS")
    .describe("private JWKS of RSA keys: the first signs what applications are told, all are published"),
  EGRESS_LOOPBACK: z
    .enum(["refuse", "allow"])
    .default("refuse")
    .describe("whether webhooks and streams may be sent to this machine itself, also by http: to try things"),
  PROVIDER_NETWORKS: networks
    .default([])
    .describe("networks besides the public Internet that identity providers are asked in, as in 10.20.0.0/16"),
  PUBLIC_URL: httpUrl
    .default("http://localhost:8080")
    .describe(
      "where this process is reached from outside: by identity providers (ingest, reconciler), applications (feed), browsers (console)",
    ),
  INGEST_URL: httpUrl
    .optional()
    .describe("where identity providers reach ingest, as the console role tells them; without it PUBLIC_URL"),
  ADMIN_OIDC_ISSUER: httpUrlAsIs
    .optional()
    .describe("issuer of the OpenID provider where people log in to the admin API; without it they exchange a token"),
  ADMIN_OIDC_CLIENT_ID: z.string().min(1).optional().describe("client id of Rollcall at that provider"),
  ADMIN_OIDC_CLIENT_SECRET: z.string().min(1).optional().describe("client secret of Rollcall at that provider"),
  ADMIN_OIDC_ROLES: loginRoles
    .optional()
    .describe(
      'which values of which claim give what, as {"claim":"groups","values":{"staff":{"acme":"viewer"},"root":"house"}}',
    ),
  HOST: z.string().default("127.0.0.1").describe("address to listen on"),
  PORT: port.default(8080).describe("port of `up`, where every role answers"),
  INGEST_PORT: port.default(8081).describe("port of ingest"),
  FEED_PORT: port.default(8082).describe("port of feed"),
  CONSOLE_PORT: port.default(8083).describe("port of console"),
  AUTHZ_PORT: port.default(8084).describe("port of authz"),
  AUTHZ_GRPC_PORT: port.optional().describe("port where authz answers Envoy over gRPC; without it, over HTTP alone"),
  WORKER_PORT: port.default(8085).describe("port where worker answers health checks"),
  RECONCILER_PORT: port.default(8086).describe("port where reconciler answers health checks"),
  AUTHZ_CONFIG: z.string().startsWith("{", "must be JSON").describe("the guard's options for authz, as JSON"),
  FEED_STALE_SEC_MAX: z.coerce
    .number()
    .int()
    .min(5)
    .max(3600)
    .default(30)
    .describe("how old a checkpoint may be before a gateway is blind"),
  ISSUER_KEYS_REFUSED: keyIdsByIssuer
    .optional()
    .describe('ids of keys that verify no token here, by issuer, as {"https://idp.example":["kid"]}'),
  FEED_RETENTION_SEC: z.coerce
    .number()
    .int()
    .min(60)
    .default(3600)
    .describe("how long replaced feed entries are kept for followers"),
  COMPARE_EVERY_SEC: z.coerce
    .number()
    .int()
    .min(60)
    .max(7 * 86_400)
    .default(3_600)
    .describe("how often each tenant's user store is compared with its directory"),
  COMPARE_HEALS: z
    .enum(["heal", "report"])
    .default("heal")
    .describe("whether such a comparison heals what differs, or only reports it"),
  FEED_REQUESTS_PER_SEC: perSec
    .default(5_000)
    .describe("how many requests one feed token may make of one process in a second"),
  FEED_WAITING_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(10_000)
    .describe("how many polls and streams may wait in one process at once"),
  DATABASE_POOL: z.coerce
    .number()
    .int()
    .min(2)
    .max(200)
    .default(16)
    .describe("connections to PostgreSQL, for each process"),
  SCIM_READS_PER_SEC: perSec
    .default(1_000)
    .describe("how many reads one SCIM connection may make in a second, counted over ten"),
  SCIM_WRITES_PER_SEC: perSec
    .default(1_000)
    .describe("how many changes it may make in a second, each operation of a Bulk for itself, counted over ten"),
  SCIM_DENIALS_PER_SEC: perSec
    .default(1_000)
    .describe("how many of its changes may take access away in a second, counted over ten and by themselves"),
  ROLLCALL_HOME: z.string().default(".rollcall").describe("where `up` keeps its database and its secrets"),
  ROLLCALL_URL: httpUrl
    .optional()
    .describe("where the command line reaches the admin API; without it, what `up` noted"),
  ROLLCALL_TOKEN: z
    .string()
    .min(1)
    .optional()
    .describe("the admin token of the command line; without it, what `up` noted"),
  LOG_LEVEL: z
    .enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"])
    .default("info")
    .describe("least level that is logged"),
  METRICS_TOKEN: z
    .string()
    .min(16, "must have at least 16 characters")
    .optional()
    .describe("bearer token of whoever reads /metrics of each process; without it there is no /metrics"),
  SHUTDOWN_SEC_MAX: z.coerce
    .number()
    .int()
    .min(1)
    .max(300)
    .default(10)
    .describe("how long work in flight may take to drain"),
} as const;

export type Setting = keyof typeof settings;
export type Config<Name extends Setting> = { readonly [Key in Name]: z.output<(typeof settings)[Key]> };

/** Names every setting with its default and its meaning, for `.env.example` and the documentation. */
export function describeSettings(): readonly {
  readonly name: Setting;
  readonly meaning: string;
  readonly default: string | undefined;
}[] {
  return (Object.keys(settings) as Setting[]).map((name) => {
    const schema = settings[name];
    const { data: fallback } = schema.safeParse(undefined);
    return {
      name,
      meaning: schema.description ?? "",
      default: fallback === undefined || typeof fallback === "object" ? undefined : String(fallback),
    };
  });
}

/** The settings cannot be used; the message lists every problem with what to do. */
export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(
      `the configuration has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${problems.map((problem) => `  - ${problem}`).join("\n")}`,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

/** Values for settings that the environment leaves out. */
export type Fallbacks = { readonly [Name in Setting]?: string | undefined };

/**
 * Reads the named settings from the environment; `NAME_FILE` gives the path of a file that holds
 * the value, for secrets. Throws one `ConfigError` that lists every problem.
 */
export function readConfig<const Name extends Setting>(
  names: readonly Name[],
  fallbacks: Fallbacks = {},
  environment: NodeJS.ProcessEnv = process.env,
): Config<Name> {
  const problems: string[] = [];
  const values = names.map((name) => {
    const schema: z.ZodType = settings[name];
    const result = schema.safeParse(rawSetting(name, environment, problems) ?? fallbacks[name]);
    if (!result.success)
      problems.push(
        `${name} ${result.error.issues.map((issue) => issue.message).join(", ")} (${schema.description ?? ""})`,
      );
    return [name, result.data] as const;
  });
  problems.push(...incomplete(names, values, fallbacks, environment));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.fromEntries(values) as Config<Name>;
}

/** Settings of which none does anything without the others. */
const together: readonly (readonly Setting[])[] = [
  ["ADMIN_OIDC_ISSUER", "ADMIN_OIDC_CLIENT_ID", "ADMIN_OIDC_CLIENT_SECRET", "ADMIN_OIDC_ROLES"],
];

function incomplete(
  names: readonly Setting[],
  values: readonly (readonly [Setting, unknown])[],
  fallbacks: Fallbacks,
  environment: NodeJS.ProcessEnv,
): readonly string[] {
  const given = new Set(
    values.filter(([name]) => isSet(name, environment) || fallbacks[name] !== undefined).map(([name]) => name),
  );
  return together.flatMap((group) => {
    const [first] = group.filter((name) => given.has(name));
    const missing = group.filter((name) => names.includes(name) && !given.has(name));
    return first === undefined ? [] : missing.map((name) => `${name} is missing, and ${first} does nothing without it`);
  });
}

/** Whether the environment sets it, by value or by file. */
export function isSet(name: Setting, environment: NodeJS.ProcessEnv = process.env): boolean {
  return [environment[name], environment[`${name}_FILE`]].some((value) => value !== undefined && value !== "");
}

/** This process's environment, for a child that is to see the same with some settings changed. */
export function environmentWith(changes: Fallbacks): NodeJS.ProcessEnv {
  return { ...process.env, ...changes };
}

function rawSetting(name: Setting, environment: NodeJS.ProcessEnv, problems: string[]): string | undefined {
  const file = environment[`${name}_FILE`];
  if (file === undefined || file === "") return environment[name] === "" ? undefined : environment[name];
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    problems.push(`${name}_FILE cannot be read: ${(error as NodeJS.ErrnoException).code ?? "unknown error"}`);
    return undefined;
  }
}
