import { type PoolClient, Query, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import type { Sql } from "./sql.ts";

type Statements = { [name: string]: string };

/** The parts of pg's connection that a query writes itself with. */
type Wire = {
  /** What the server has, and what is on its way to it. */
  readonly parsedStatements: Statements;
  readonly submittedNamedStatements: Statements;
  parse(statement: { readonly name: string; readonly text: string }): void;
  bind(portal: { readonly portal: string; readonly statement: string; readonly values: readonly unknown[] }): void;
  execute(portal: { readonly portal: string }): void;
  close(statement: { readonly type: "S"; readonly name: string }): void;
};

/** The parts of pg's query that are stepped into; its types do not tell them. */
type WireQuery = {
  prepare(wire: Wire): void;
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, wire: Wire): void;
  handleError(error: Error, wire: Wire): void;
  submit(wire: unknown): void;
};
type Results = QueryResult | readonly QueryResult[];
type Callback = (error: Error | null, results: Results) => void;

const Base = Query as unknown as new (config: QueryConfig, callback: Callback) => WireQuery;

/** What goes before the last statement: the `silent`, whose results are passed over, and one that is answered too. */
type Before = { readonly silent: readonly Sql[]; readonly first?: Sql };

/** Statements of which it is not known whether the server has them. */
const doubtful = new WeakMap<object, Set<string>>();

/**
 * A statement behind others, in one round trip: all are written before the one Sync, and what stands
 * before a Sync is one transaction (PostgreSQL, "Extended Query"). pg lets nothing but its own Query
 * into a pipeline, so this is one. The failure of any is the failure of the whole.
 */
class BatchedQuery extends Base {
  readonly #before: Before;
  readonly #names: readonly string[];
  #passedOver = 0;
  #parsing: readonly string[] = [];

  constructor(before: Before, { statement }: Sql, callback: Callback) {
    super(statement, callback);
    this.#before = before;
    const { silent, first } = before;
    this.#names = [...silent, ...(first === undefined ? [] : [first])]
      .map((one) => one.statement.name)
      .concat(statement.name);
  }

  override prepare(wire: Wire): void {
    this.#noteWhatIsParsed(wire);
    const { silent, first } = this.#before;
    for (const { statement } of silent) {
      const { name, text, values } = statement;
      if (wire.parsedStatements[name] === undefined) {
        wire.parse({ name, text });
        wire.parsedStatements[name] = text;
      }
      wire.bind({ portal: "", statement: name, values });
      wire.execute({ portal: "" });
    }
    if (first !== undefined) {
      const { statement } = first;
      const unsynced = Object.create(wire, { sync: { value: () => undefined } }) as Wire;
      new Base(statement, () => undefined).prepare(unsynced);
      delete wire.submittedNamedStatements[statement.name];
      if (statement.name !== "") wire.parsedStatements[statement.name] = statement.text;
    }
    super.prepare(wire);
  }

  override handleDataRow(message: unknown): void {
    if (this.#passedOver === this.#before.silent.length) super.handleDataRow(message);
  }

  override handleCommandComplete(message: unknown, wire: Wire): void {
    if (this.#passedOver === this.#before.silent.length) super.handleCommandComplete(message, wire);
    else this.#passedOver += 1;
  }

  // Behind what failed the server passes over everything up to the Sync, and pg takes the parsing of any
  // statement for that of the last.
  override handleError(error: Error, wire: Wire): void {
    const unsure = doubtful.get(wire) ?? new Set();
    for (const name of this.#parsing) {
      delete wire.parsedStatements[name];
      delete wire.submittedNamedStatements[name];
      unsure.add(name);
    }
    doubtful.set(wire, unsure);
    super.handleError(error, wire);
  }

  /** To close a statement that does not exist is no error, to parse one that does is. */
  #noteWhatIsParsed(wire: Wire): void {
    this.#parsing = this.#names.filter((name) => name !== "" && wire.parsedStatements[name] === undefined);
    if (this.#parsing.length === 0) return;
    const unsure = doubtful.get(wire);
    for (const name of this.#parsing) if (unsure?.delete(name) === true) wire.close({ type: "S", name });
  }
}

/** Runs a statement behind others in the same round trip and the same transaction, which is the client's own where it has one open. */
export async function queryBehind<Row extends QueryResultRow>(
  client: PoolClient,
  silent: readonly Sql[],
  statement: Sql,
): Promise<readonly Row[]> {
  const results = await batched(client, { silent }, statement);
  return (results as QueryResult<Row>).rows;
}

/** The same with two statements, both of which are answered. */
export async function pairBehind<First extends QueryResultRow, Last extends QueryResultRow>(
  client: PoolClient,
  silent: readonly Sql[],
  first: Sql,
  last: Sql,
): Promise<readonly [readonly First[], readonly Last[]]> {
  const results = await batched(client, { silent, first }, last);
  const [one, other] = results as readonly [QueryResult<First>, QueryResult<Last>];
  return [one.rows, other.rows];
}

function batched(client: PoolClient, before: Before, last: Sql): Promise<Results> {
  return new Promise((resolve, reject) => {
    client.query(
      new BatchedQuery(before, last, (error, results) => (error === null ? resolve(results) : reject(error))),
    );
  });
}
