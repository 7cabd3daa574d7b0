import { type PoolClient, Query, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import type { Sql } from "./sql.ts";

/** The parts of pg's connection that a query writes itself with. */
type Wire = {
  readonly parsedStatements: { [name: string]: string };
  parse(statement: { readonly name: string; readonly text: string }): void;
  bind(portal: { readonly portal: string; readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(portal: { readonly portal: string }): void;
};

/** The parts of pg's query that are stepped into; its types do not tell them. */
type WireQuery = {
  prepare(wire: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, wire: Wire): void;
};
type Callback = (error: Error | null, result: QueryResult) => void;

const Base = Query as unknown as new (
  config: QueryConfig,
  callback: Callback,
) => WireQuery & {
  submit(wire: unknown): void;
};

/**
 * A statement behind others, in one round trip: all are written before the one Sync, and what stands
 * before a Sync is one transaction (PostgreSQL, "Extended Query"). pg lets nothing but its own Query
 * into a pipeline, so this is one. The results of those before are passed over; their failure is
 * the failure of the whole.
 */
class BatchedQuery extends Base {
  readonly #before: readonly Sql[];
  #answered = 0;

  constructor(before: readonly Sql[], statement: Sql, callback: Callback) {
    super(statement.statement, callback);
    this.#before = before;
  }

  override prepare(wire: Wire): void {
    for (const { statement } of this.#before) {
      const { name, text, values } = statement;
      if (wire.parsedStatements[name] === undefined) {
        wire.parse({ name, text });
        wire.parsedStatements[name] = text;
      }
      wire.bind({ portal: "", statement: name, values });
      wire.execute({ portal: "" });
    }
    super.prepare(wire);
  }

  override handleDataRow(message: unknown): void {
    if (this.#answered === this.#before.length) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, wire: Wire): void {
    if (this.#answered === this.#before.length) super.handleCommandComplete(message, wire);
    else this.#answered += 1;
  }
}

/** Runs a statement behind others in the same round trip and the same transaction, which is the client's own where it has one open. */
export function queryBehind<Row extends QueryResultRow>(
  client: PoolClient,
  before: readonly Sql[],
  statement: Sql,
): Promise<QueryResult<Row>> {
  return new Promise((resolve, reject) => {
    client.query(
      new BatchedQuery(before, statement, (error, result) =>
        error === null ? resolve(result as QueryResult<Row>) : reject(error),
      ),
    );
  });
}
