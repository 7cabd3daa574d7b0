import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutants } from "../harness/mutants/mutants.ts";

const root = new URL("../../", import.meta.url);
const page = readFileSync(new URL("docs/threats.md", root), "utf8");
const rows = [...page.matchAll(/^## T(\d+): .+\n((?:(?!^#)[^\n]*\n)*)/gm)].map(([, number, text = ""]) => ({
  number: Number(number),
  tests: [...text.matchAll(/^- `([\w./-]+\.test\.ts)`: (.+)$/gm)].map(([, file = "", title = ""]) => ({ file, title })),
  mutants: [...text.matchAll(/^- mutant: (.+)$/gm)].map(([, name = ""]) => name),
  missing: [...text.matchAll(/^- not yet: (.+)$/gm)].map(([, what = ""]) => what),
  lines: [...text.matchAll(/^- /gm)].length,
}));

test("docs/threats.md has every row, once and in order, and each says what holds it or that nothing does", () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: 26 }, (_, index) => index + 1));
  for (const { number, tests, mutants: names, missing, lines } of rows) {
    expect([number, tests.length + missing.length]).not.toEqual([number, 0]);
    expect([number, tests.length + names.length + missing.length]).toEqual([number, lines]);
  }
});

test("every test that docs/threats.md names exists under that very title", () => {
  const named = rows.flatMap(({ tests }) => tests);
  expect(named.length).toBeGreaterThan(40);
  const wanting = named.filter(({ file, title }) => {
    const url = new URL(file, root);
    return !existsSync(url) || !hasTitle(readFileSync(url, "utf8"), title);
  });
  expect(wanting).toEqual([]);
});

test("every mutant that docs/threats.md names exists, and every mutant of a threat is on its row", () => {
  const names = mutants.map(({ name }) => name);
  for (const row of rows) {
    expect(row.mutants.filter((name) => !names.includes(name))).toEqual([]);
    expect(row.mutants).toEqual(expect.arrayContaining(names.filter((name) => name.startsWith(`T${row.number}: `))));
  }
});

function hasTitle(source: string, title: string): boolean {
  return ['"', "'", "`"].some((quote) => source.includes(`${quote}${title}${quote}`));
}
