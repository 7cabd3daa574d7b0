export type Yaml = string | number | boolean | readonly Yaml[] | { readonly [key: string]: Yaml };

type Line = { readonly indent: number; readonly text: string };
type Reading = { readonly lines: readonly Line[]; at: number };

/** Reads the YAML that our examples are written in: blocks and plain or quoted scalars. What it does not know it refuses, rather than guess. */
export function readBlockYaml(text: string): readonly Yaml[] {
  return text
    .split(/^---\n/m)
    .filter((document) => linesOf(document).length > 0)
    .map(readDocument);
}

function readDocument(document: string): Yaml {
  const reading: Reading = { lines: linesOf(document), at: 0 };
  const value = readBlock(reading, 0);
  if (reading.at < reading.lines.length) throw new Error(`not understood: ${reading.lines[reading.at]?.text}`);
  return value;
}

function linesOf(document: string): readonly Line[] {
  return document
    .split("\n")
    .filter((line) => !/^\s*(#|$)/.test(line))
    .map((line) => ({ indent: line.search(/\S/), text: line.trim() }));
}

function readBlock(reading: Reading, indent: number): Yaml {
  const isList = /^-( |$)/.test(reading.lines[reading.at]?.text ?? "");
  return isList ? readList(reading, indent) : readMap(reading, indent);
}

function readList(reading: Reading, indent: number): readonly Yaml[] {
  const items: Yaml[] = [];
  for (let line = lineAt(reading, indent); line?.text.startsWith("- "); line = lineAt(reading, indent)) {
    const text = line.text.slice(2);
    if (!isEntry(text)) {
      reading.at += 1;
      items.push(scalarOf(text));
      continue;
    }
    // The first entry of a map stands behind the hyphen, as if it stood two further in.
    const lines = [...reading.lines];
    lines[reading.at] = { indent: indent + 2, text };
    const inner: Reading = { lines, at: reading.at };
    items.push(readMap(inner, indent + 2));
    reading.at = inner.at;
  }
  return items;
}

function readMap(reading: Reading, indent: number): Yaml {
  const map: Record<string, Yaml> = {};
  for (let line = lineAt(reading, indent); line !== undefined; line = lineAt(reading, indent)) {
    const [, key = "", rest = ""] = entry.exec(line.text) ?? [];
    if (key === "") throw new Error(`not understood: ${line.text}`);
    reading.at += 1;
    const name = key.replaceAll('"', "");
    if (Object.hasOwn(map, name)) throw new Error(`said twice: ${name}`);
    map[name] = rest === "" ? readBlock(reading, reading.lines[reading.at]?.indent ?? 0) : scalarOf(rest);
  }
  return map;
}

const entry = /^("[^"]*"|[\w./@-]+):(?: +(.*))?$/;

function isEntry(text: string): boolean {
  return entry.test(text);
}

function lineAt({ lines, at }: Reading, indent: number): Line | undefined {
  const line = lines[at];
  return line?.indent === indent ? line : undefined;
}

function scalarOf(text: string): Yaml {
  if (/^(".*"|\{\})$/.test(text)) return JSON.parse(text) as Yaml;
  if (/^'[^']*'$/.test(text)) return text.slice(1, -1);
  if (/^(true|false|\d+)$/.test(text)) return JSON.parse(text) as Yaml;
  if (/^[&*!|>%[{]|: | #/.test(text)) throw new Error(`not understood: ${text}`);
  return text;
}
