import type { Random } from "../chaos/random.ts";
import type { Json } from "../wire/replay.ts";

/** No input is longer, so that its time says something about the reader and not about its length. */
export const lengthMax = 8 * 1024;

/** Makes another input of a given one, with pieces of others. */
export type Mutation = (given: string, others: readonly string[]) => string;

/** Changes inputs at random, and repeatably: as text, or as JSON by its structure. */
export type Mutator = { readonly text: Mutation; readonly json: Mutation };

type Node = { readonly [name: string]: Json };
type Dice = {
  below(count: number): number;
  one<Item>(items: readonly Item[]): Item;
  chance(probability: number): boolean;
};

export function createMutator(random: Random, dictionary: readonly string[]): Mutator {
  const below = (count: number): number => Math.floor(random() * count);
  const dice: Dice = {
    below,
    one: <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item,
    chance: (probability) => random() < probability,
  };
  const changeText = textChange(dice, dictionary);
  const changeNode = nodeChange(dice, dictionary, changeText);
  const changes = (): number => 1 + below(1 + below(6));

  const text: Mutation = (given, others) => {
    let changed = given;
    for (let left = changes(); left > 0; left -= 1) changed = changeText(changed, others).slice(0, lengthMax);
    return changed;
  };
  const json: Mutation = (given, others) => {
    const node = parsed(given);
    // Some texts are no JSON any more, and those are inputs too.
    if (node === undefined || dice.chance(0.15)) return text(given, others);
    const nodes = [parsed(dice.one(others)) ?? null, node];
    let changed = node;
    for (let left = changes(); left > 0; left -= 1) changed = changeNode(changed, nodes, 0);
    const written = JSON.stringify(changed);
    return written.length <= lengthMax ? written : given;
  };
  return { text, json };
}

function textChange({ below, one, chance }: Dice, dictionary: readonly string[]): Mutation {
  return (text, others) => {
    const start = below(text.length + 1);
    const end = Math.min(text.length, start + 1 + below(1 + below(16)));
    const [before, piece, after] = [text.slice(0, start), text.slice(start, end), text.slice(end)];
    switch (below(9)) {
      case 0:
        return before + after;
      case 1:
        return before + one(dictionary) + after;
      case 2:
        return before + one(dictionary) + piece + after;
      case 3:
        return before + piece + piece + after;
      case 4:
        return before + String.fromCharCode(below(chance(0.25) ? 0x1_0000 : 0x80)) + after;
      case 5: {
        const other = one(others);
        return before + other.slice(below(other.length + 1));
      }
      case 6:
        return before + (chance(0.5) ? piece.toUpperCase() : piece.toLowerCase()) + after;
      case 7:
        return before + piece.repeat(chance(0.05) ? below(lengthMax) : 1 + below(4)) + after;
      default:
        return chance(0.2) ? before : piece + after + before;
    }
  };
}

type NodeChange = (node: Json, others: readonly Json[], depth: number) => Json;

function nodeChange({ below, one, chance }: Dice, dictionary: readonly string[], changeText: Mutation): NodeChange {
  // Some part of another body, found by going down at random.
  const anyNode = (node: Json): Json => {
    const parts: readonly Json[] = typeof node === "object" && node !== null ? Object.values(node) : [];
    return parts.length === 0 || chance(0.25) ? node : anyNode(one(parts));
  };
  const change: NodeChange = (node, others, depth) => {
    // Most changes leave most of the body as it was.
    if (typeof node !== "object" || node === null || chance(0.15) || depth > 6) return replaced(node, others);
    return Array.isArray(node)
      ? changeArray(node as readonly Json[], others, depth)
      : changeObject(node as Node, others, depth);
  };

  function changeArray(list: readonly Json[], others: readonly Json[], depth: number): Json {
    if (list.length === 0) return [anyNode(one(others))];
    const at = below(list.length);
    const element = list[at] as Json;
    switch (below(5)) {
      case 0:
        return list.toSpliced(at, 1);
      case 1:
        return list.toSpliced(at, 0, chance(0.5) ? element : anyNode(one(others)));
      default:
        return list.with(at, change(element, others, depth + 1));
    }
  }

  function changeObject(node: Node, others: readonly Json[], depth: number): Json {
    const names = Object.keys(node);
    if (names.length === 0) return { [one(dictionary)]: anyNode(one(others)) };
    const name = one(names);
    const { [name]: part = null, ...rest } = node;
    switch (below(7)) {
      case 0:
        return rest;
      case 1:
        return {
          ...rest,
          [one([name.toUpperCase(), `${name}.${one(dictionary)}`, `${one(dictionary)}:${name}`])]: part,
        };
      case 2:
      case 3:
        return { ...node, [one(dictionary)]: chance(0.5) ? part : anyNode(one(others)) };
      default:
        return { ...node, [name]: change(part, others, depth + 1) };
    }
  }

  function replaced(node: Json, others: readonly Json[]): Json {
    switch (below(8)) {
      case 0:
        return null;
      case 1:
        return [node];
      case 2:
        return one<Json>([true, false, 0, -1, 1.5, 1e308, "", [], {}, "True", "false"]);
      case 3:
        return anyNode(one(others));
      case 4:
        return { value: node };
      default:
        return typeof node === "string" ? changeText(node, dictionary) : one(dictionary);
    }
  }

  return change;
}

function parsed(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
