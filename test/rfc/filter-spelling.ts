import fc from "fast-check";
import type { Name, Where } from "./filter-interpreter.ts";

/** How a sender may write what means the same: names and operators in any case, white space, brackets that change nothing. */
export type Spelling = {
  /** Whatever is asked for a choice among so many. */
  choose(count: number): number;
};

export const spelling: fc.Arbitrary<Spelling> = fc
  .array(fc.nat(1_000), { minLength: 1, maxLength: 40 })
  .map((choices) => {
    let at = 0;
    return {
      choose: (count) => {
        at += 1;
        return (choices[at % choices.length] ?? 0) % count;
      },
    };
  });

/** Writes a filter (RFC 7644 §3.4.2.2, Figure 1). "And" binds closer than "or", and only that is relied on. */
export function written(where: Where, how: Spelling): string {
  return print(where, how, 0);
}

/** An attribute's name in full, as `sortBy` takes it. */
export function writtenName(name: Name, how: Spelling): string {
  return printName(name, how);
}

const looseness = { or: 0, and: 1, one: 2 } as const;

function print(where: Where, how: Spelling, within: number): string {
  const [text, own] = printed(where, how);
  const spare = how.choose(6) === 0;
  return own < within || spare ? `(${space(how, 0)}${text}${space(how, 0)})` : text;
}

function printed(where: Where, how: Spelling): readonly [string, number] {
  if ("any" in where) return [join(where.any, "or", how), looseness.or];
  if ("all" in where) return [join(where.all, "and", how), looseness.and];
  if ("not" in where) return [`${anyCase("not", how)}${space(how, 0)}(${print(where.not, how, 0)})`, looseness.one];
  const name = printName(where.name, how);
  if ("has" in where) {
    const { rest } = where;
    const after = rest === undefined ? "" : `.${anyCase(rest.sub, how)}${comparison(rest.is, rest.to, how)}`;
    return [`${name}[${space(how, 0)}${print(where.has, how, 0)}${space(how, 0)}]${after}`, looseness.one];
  }
  const rest = where.is === "pr" ? `${space(how, 1)}${anyCase("pr", how)}` : comparison(where.is, where.to, how);
  return [`${name}${rest}`, looseness.one];
}

function comparison(is: string, to: unknown, how: Spelling): string {
  return `${space(how, 1)}${anyCase(is, how)}${space(how, 1)}${JSON.stringify(to)}`;
}

function join(terms: readonly Where[], word: "and" | "or", how: Spelling): string {
  return terms
    .map((term) => print(term, how, looseness[word] + 1))
    .join(`${space(how, 1)}${anyCase(word, how)}${space(how, 1)}`);
}

function printName({ urn, attribute, sub }: Name, how: Spelling): string {
  const parts = sub === undefined ? attribute : `${attribute}.${sub}`;
  return anyCase(urn === "" ? parts : `${urn}:${parts}`, how);
}

function anyCase(word: string, how: Spelling): string {
  switch (how.choose(4)) {
    case 0:
      return word.toUpperCase();
    case 1:
      return word.toLowerCase();
    default:
      return word;
  }
}

function space(how: Spelling, least: number): string {
  return " ".repeat(least + (how.choose(5) === 0 ? 1 : 0));
}
