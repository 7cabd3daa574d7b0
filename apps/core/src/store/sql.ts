import { createHash } from "node:crypto";

type Statement = { readonly name: string; readonly text: string; readonly values: unknown[] };

/** A piece of SQL with its parameters apart from its text. Only the `sql` tag makes one. */
export class Sql {
  readonly parts: readonly string[];
  readonly values: readonly unknown[];
  readonly #kept: boolean;
  #statement: Statement | undefined;

  constructor(parts: readonly string[], values: readonly unknown[], kept = true) {
    this.parts = parts;
    this.values = values;
    this.#kept = kept;
  }

  /** What `pg` takes. The name makes each connection plan the statement once, and keep the plan. */
  get statement(): Statement {
    this.#statement ??= this.#written();
    return this.#statement;
  }

  #written(): Statement {
    const text = this.parts.reduce((joined, part, index) => `${joined}$${index}${part}`);
    return { name: this.#kept ? statementName(text) : "", text, values: [...this.values] };
  }
}

/** A statement whose plan no connection keeps: of those that callers shape there is no end. */
export function passing({ parts, values }: Sql): Sql {
  return new Sql(parts, values, false);
}

/** Tagged SQL: what is interpolated becomes a parameter, and another `Sql` becomes part of the statement. */
export function sql(strings: TemplateStringsArray, ...interpolated: readonly unknown[]): Sql {
  const parts: string[] = [strings[0] ?? ""];
  const values: unknown[] = [];
  interpolated.forEach((value, index) => {
    const following = strings[index + 1] ?? "";
    if (value instanceof Sql) {
      append(parts, value.parts[0] ?? "");
      parts.push(...value.parts.slice(1));
      values.push(...value.values);
      append(parts, following);
    } else {
      values.push(value);
      parts.push(following);
    }
  });
  return new Sql(parts, values);
}

/** Joins pieces with a separator of ours, as in a list of conditions. */
export function joinSql(pieces: readonly Sql[], separator: " AND " | " OR " | ", " | " + " | " UNION ALL "): Sql {
  const [first, ...rest] = pieces;
  if (first === undefined) throw new Error("joinSql of nothing");
  const glue = new Sql([separator], []);
  return rest.reduce((joined, piece) => sql`${joined}${glue}${piece}`, first);
}

function append(parts: string[], text: string): void {
  parts[parts.length - 1] += text;
}

const names = new Map<string, string>();
const namesMax = 1_000;

function statementName(text: string): string {
  const known = names.get(text);
  if (known !== undefined) return known;
  // Filters make statements of endless shapes; past the limit the oldest name is only computed again.
  if (names.size >= namesMax) names.delete(names.keys().next().value as string);
  const name = createHash("sha256").update(text).digest("base64url").slice(0, 32);
  names.set(text, name);
  return name;
}
