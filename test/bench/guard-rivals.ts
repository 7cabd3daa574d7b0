import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { startPostgres } from "@rollcall/cli/postgres";
import { expressjwt } from "express-jwt";
import { Redis } from "ioredis";
import { Client } from "pg";
import { startRedis } from "../harness/parts.ts";
import { type BenchKey, benchAudience, benchIssuer } from "./guard-tokens.ts";

/** A middleware that asks a store about each request's subject, as gateways without a feed do. */
export type Rivals = {
  readonly redis: (token: string) => Promise<void>;
  readonly postgres: (token: string) => Promise<void>;
  /** Brings both stores to so many denied subjects. */
  fill(entries: number): Promise<void>;
  close(): Promise<void>;
};

type IsDenied = (iss: string, sub: string) => Promise<boolean>;
type Middleware = ReturnType<typeof expressjwt>;

const fillScript = `for at = tonumber(ARGV[1]), tonumber(ARGV[2]) do redis.call("SET", KEYS[1] .. at, "1") end`;
const fillStep = 50_000;

export async function startRivals(key: BenchKey): Promise<Rivals> {
  const directory = await mkdtemp(path.join(tmpdir(), "rollcall-bench-guard-"));
  const closers: (() => Promise<unknown>)[] = [() => rm(directory, { recursive: true, force: true })];
  const close = async (): Promise<void> => {
    for (const closeOne of closers.toReversed()) await closeOne();
  };
  try {
    // PostgreSQL may run as another user than this process.
    await chmod(directory, 0o755);
    const redisServer = await startRedis(directory);
    closers.push(redisServer.stop);
    const postgresServer = await startPostgres({ directory: path.join(directory, "postgres") });
    closers.push(() => postgresServer.stop());
    const redis = new Redis(redisServer.url);
    closers.push(async () => redis.disconnect());
    const postgres = new Client({ connectionString: postgresServer.url });
    await postgres.connect();
    closers.push(() => postgres.end());
    await postgres.query("CREATE TABLE denied (iss text NOT NULL, sub text NOT NULL, PRIMARY KEY (iss, sub))");
    return {
      redis: runner(key, async (iss, sub) => (await redis.get(`denied:${iss}:${sub}`)) !== null),
      postgres: runner(key, async (iss, sub) => {
        const text = "SELECT 1 FROM denied WHERE iss = $1 AND sub = $2";
        return (await postgres.query({ name: "denied", text, values: [iss, sub] })).rowCount !== 0;
      }),
      fill: filler(redis, postgres),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function filler(redis: Redis, postgres: Client): Rivals["fill"] {
  let filled = 0;
  return async (entries) => {
    for (let from = filled + 1; from <= entries; from += fillStep) {
      const to = Math.min(entries, from + fillStep - 1);
      await redis.eval(fillScript, 1, `denied:${benchIssuer}:subject-`, from, to);
    }
    await postgres.query(
      "INSERT INTO denied SELECT $1, 'subject-' || at FROM generate_series($2::int, $3::int) AS at",
      [benchIssuer, filled + 1, entries],
    );
    await postgres.query("ANALYZE denied");
    filled = Math.max(filled, entries);
  };
}

/** express-jwt as its manual has it, called as Express would call it. */
function runner(key: BenchKey, isDenied: IsDenied): (token: string) => Promise<void> {
  const middleware = expressjwt({
    secret: key.pem,
    algorithms: ["RS256"],
    issuer: benchIssuer,
    audience: benchAudience,
    isRevoked: async (_request, token) => {
      const payload = token?.payload as { iss: string; sub: string };
      return isDenied(payload.iss, payload.sub);
    },
  });
  type Request = Parameters<Middleware>[0];
  type Response = Parameters<Middleware>[1];
  return (token) =>
    new Promise((resolve, reject) => {
      const request = { method: "GET", headers: { authorization: `Bearer ${token}` } } as Request;
      void middleware(request, {} as Response, (error?: unknown) =>
        error === undefined ? resolve() : reject(error as Error),
      );
    });
}
