import { PrismaPg } from "@prisma/adapter-pg";
import { type CustomTypesConfig, Pool, type PoolClient, type QueryResult, type QueryResultRow, types } from "pg";
import { pairBehind, queryBehind } from "./batched-query.ts";
import { type Prisma, PrismaClient } from "./prisma/client.ts";
import { createSharedTransactions } from "./shared-transaction.ts";
import { type Sql, sql } from "./sql.ts";

/** Runs statements inside one transaction. */
export type Transaction = { query<Row extends QueryResultRow>(statement: Sql): Promise<readonly Row[]> };

/**
 * The database as two roles see it. `inTenant` and its siblings work inside one tenant, which
 * row-level security enforces; `house` does what comes before a tenant is known.
 */
export type Database = {
  /** Several statements in one transaction that is bound to the tenant before its first statement. */
  inTenant<Result>(tenantId: string, work: (transaction: Transaction) => Promise<Result>): Promise<Result>;
  /** One statement in a transaction of its own, in one round trip. */
  once<Row extends QueryResultRow>(tenantId: string, statement: Sql): Promise<readonly Row[]>;
  /** Two statements, the second of which sees what the first did, in a transaction of their own and one round trip. */
  pair<First extends QueryResultRow, Last extends QueryResultRow>(
    tenantId: string,
    first: Sql,
    last: Sql,
  ): Promise<readonly [readonly First[], readonly Last[]]>;
  /** Makes one transaction of everything that the work does in this tenant, through however many calls: all of it, or none where the work throws. */
  together<Result>(tenantId: string, work: () => Promise<Result>): Promise<Result>;
  /** Runs once what was written is committed: at once, but within `together` after its end, and never where that failed. */
  afterCommit(then: () => void): void;
  /** Prisma, bound to the tenant for one transaction. */
  prismaIn<Result>(tenantId: string, work: (prisma: Prisma.TransactionClient) => Promise<Result>): Promise<Result>;
  house<Row extends QueryResultRow>(statement: Sql): Promise<readonly Row[]>;
  readonly housePrisma: PrismaClient;
  /** A connection of its own in the house role, for what lives as long as a session: locks and LISTEN. */
  session(): Promise<PoolClient>;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  readonly url: string;
  readonly poolMax: number;
  /** Told about connections that broke while idle; the pool replaces them. */
  readonly onError: (error: Error) => void;
};

// bigint columns count versions, sequences and ids of ours, all far below 2^53. Only our pools read
// them so: Prisma's engine meets larger ones in the catalogs.
const int8Oid = 20;
const ownTypes: CustomTypesConfig = {
  getTypeParser: (oid, format) => (oid === int8Oid && format !== "binary" ? Number : types.getTypeParser(oid, format)),
};

// What is not answered by then, though PostgreSQL ends every statement before, is on a connection that
// nobody is at the other end of: it is given up, and the pool makes another. `query_timeout` in the URL
// sets it otherwise.
const answerMsMax = 65_000;
const unanswered = "Query read timeout";

const begin = sql`BEGIN`;
/** More than all that listens and leads in one process. */
const sessionsMax = 32;
const setTenant = (tenantId: string): Sql => sql`SELECT set_config('rollcall.tenant', ${tenantId}, true)`;

export function openDatabase(options: DatabaseOptions): Database {
  const app = openPool(options, "rollcall_app", options.poolMax);
  const house = openPool(options, "rollcall_house", Math.max(8, Math.ceil(options.poolMax / 2)));
  // What is lent for as long as a process lives is taken from nobody who asks.
  const sessions = openPool(options, "rollcall_house", sessionsMax);
  const appPrisma = new PrismaClient({ adapter: new PrismaPg(app) });
  const housePrisma = new PrismaClient({ adapter: new PrismaPg(house) });
  const shared = createSharedTransactions((tenantId, work) => inTenant(app, tenantId, work));
  return {
    inTenant: shared.inTenant,
    once: (tenantId, statement) =>
      shared.isShared()
        ? shared.inTenant(tenantId, (transaction) => transaction.query(statement))
        : once(app, tenantId, statement),
    pair: <First extends QueryResultRow, Last extends QueryResultRow>(tenantId: string, first: Sql, last: Sql) =>
      shared.isShared()
        ? shared.inTenant(tenantId, async (transaction) => {
            const firstRows = await transaction.query<First>(first);
            return [firstRows, await transaction.query<Last>(last)] as const;
          })
        : withClient(app, (client) => pairBehind<First, Last>(client, [setTenant(tenantId)], first, last)),
    together: shared.together,
    afterCommit: shared.afterCommit,
    prismaIn: (tenantId, work) =>
      appPrisma.$transaction(async (prisma) => {
        await prisma.$queryRaw`SELECT set_config('rollcall.tenant', ${tenantId}, true)`;
        return work(prisma);
      }),
    house: async <Row extends QueryResultRow>(statement: Sql) => (await house.query<Row>(statement.statement)).rows,
    housePrisma,
    session: () => sessions.connect(),
    close: async () => {
      await Promise.all([appPrisma.$disconnect(), housePrisma.$disconnect()]);
      await Promise.all([app.end(), house.end(), sessions.end()]);
    },
  };
}

function openPool(options: DatabaseOptions, role: string, max: number): Pool {
  const pool = new Pool({
    connectionString: options.url,
    max,
    types: ownTypes,
    // Statements are written to be answered by indexes whatever their values are, so each is planned
    // once for a connection, and statistics of a table that has just grown mislead nobody.
    // The role is set before the first statement can run. A transaction that hangs, because its
    // process was stopped in the middle of it, gives its locks back.
    options: `-c role=${role} -c idle_in_transaction_session_timeout=10000 -c lock_timeout=10000 -c plan_cache_mode=force_generic_plan -c statement_timeout=60000`,
    pipeline: true,
    query_timeout: answerMsMax,
    connectionTimeoutMillis: 10_000,
    idleTimeoutMillis: 60_000,
    keepAlive: true,
    application_name: `rollcall ${role}`,
  });
  pool.on("error", options.onError);
  // The pool stops listening when it lends a connection, and its last words may be read before the borrower
  // listens. What nobody listens to ends the process; whoever asks of such a connection is told anyway.
  pool.on("connect", (client) => void client.on("error", () => undefined));
  return pool;
}

async function inTenant<Result>(
  pool: Pool,
  tenantId: string,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  return withClient(pool, async (client) => {
    // Written with the first statement of the work: no round trip of its own.
    let opening: readonly Sql[] = [begin, setTenant(tenantId)];
    let failure: unknown;
    const query: Transaction["query"] = async <Row extends QueryResultRow>(statement: Sql) => {
      const before = opening;
      opening = [];
      try {
        return await queryBehind<Row>(client, before, statement);
      } catch (error) {
        // What was on its way behind a failure is refused, and its refusal may be heard first. Told is the failure:
        // by the other nobody knows an outage from an event's own fault.
        if (!isRefusedBehind(error)) failure = error;
        throw failure ?? error;
      }
    };
    try {
      const result = await work({ query });
      if (opening.length === 0) await commit(client.query("COMMIT"));
      return result;
    } catch (error) {
      await client.query("ROLLBACK").catch(() => undefined);
      throw error;
    }
  });
}

async function once<Row extends QueryResultRow>(pool: Pool, tenantId: string, statement: Sql): Promise<readonly Row[]> {
  return withClient(pool, (client) => queryBehind<Row>(client, [setTenant(tenantId)], statement));
}

function isRefusedBehind(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "25P02";
}

/** A transaction that failed inside answers COMMIT with ROLLBACK: success must be read, not assumed. */
async function commit(sent: Promise<QueryResult>): Promise<void> {
  const { command } = await sent;
  if (command !== "COMMIT") throw new Error(`the transaction was not committed but answered ${command}`);
}

async function withClient<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect();
  let broken: Error | undefined;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on("error", onError);
  try {
    return await work(client);
  } catch (error) {
    // The server's last words, or that there are none any more, are known before the connection ends:
    // whoever got it next would fail for nothing.
    const { severity, message } = error as { severity?: unknown; message?: unknown };
    if (severity === "FATAL" || message === unanswered) broken = error as Error;
    throw error;
  } finally {
    client.off("error", onError);
    client.release(broken);
  }
}
