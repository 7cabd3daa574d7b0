import { readFileSync } from "node:fs";
import {
  commonTolerances,
  connectionKinds,
  dialectProfiles,
  dialectRuleNames,
  dialectRules,
} from "@rollcall/core/domain";
import { expect, test } from "vitest";

const page = readFileSync(new URL("../../docs/dialects.md", import.meta.url), "utf8");

test("docs/dialects.md has the very choice of each provider for each rule", () => {
  const rows = dialectRuleNames.map((rule) => [rule, ...connectionKinds.map((kind) => dialectProfiles[kind][rule])]);
  expect(tableAfter("## Where providers differ")).toEqual([["rule", ...connectionKinds], ...rows]);
});

test("docs/dialects.md says what each choice means, in the words that an admin is told", () => {
  const rows = dialectRuleNames.flatMap((rule) =>
    Object.entries<string>(dialectRules[rule].choices).map(([choice, means]) => [rule, choice, means]),
  );
  expect(tableAfter("## What a choice means")).toEqual([["rule", "choice", "that is"], ...rows]);
});

test("docs/dialects.md says what everybody is granted, in the same words", () => {
  const [, after = ""] = page.split("## What every provider is granted\n");
  const [section = ""] = after.split("\n## ");
  expect(section.split("\n").filter((line) => line.startsWith("- "))).toEqual(
    commonTolerances.map((sentence) => `- ${sentence}`),
  );
});

/** The cells of the first table after a heading, without the line under its head. */
function tableAfter(heading: string): readonly (readonly string[])[] {
  const [, after = ""] = page.split(`${heading}\n`);
  const lines = after.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|"));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines
    .slice(start, end)
    .filter((line) => !/^\|[-|: ]+\|$/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split("|")
        .map((cell) => cell.trim().replaceAll("`", "")),
    );
}
