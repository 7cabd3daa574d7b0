import { readFile } from "node:fs/promises";
import path from "node:path";
import { explainCauses, explainSteps } from "@rollcall/core/domain";
import { root } from "./program.ts";
import { problemWithRollcall } from "./readme.ts";

export const explainPageFile = path.join(root, "docs/explain.md");

const begin = "<!-- causes: written by `npm run explain:page` -->";
const end = "<!-- end of causes -->";

/** What docs/explain.md must hold: the page as it is, with every step and cause that there is. */
export async function explainPage(): Promise<string> {
  const present = await readFile(explainPageFile, "utf8").catch(() => "");
  const [before, rest = ""] = present.split(begin);
  const [, after] = rest.split(end);
  if (before === undefined || after === undefined)
    throw new Error(`docs/explain.md has no place for the causes: \`${begin}\` and \`${end}\``);
  return `${before}${begin}\n\n${causesTable()}\n${end}${after}`;
}

/** docs/explain.md lists the causes that there are, and every command that they advise exists. */
export async function checkExplainPage(): Promise<void> {
  await checkList();
  const advised = Object.values(explainCauses).flatMap(({ fix }) => commandsIn(fix));
  for (const command of new Set(advised)) {
    const problem = await problemWithRollcall(command.split(" "));
    if (problem !== undefined) throw new Error(problem.replace("README.md", "docs/explain.md"));
  }
}

function commandsIn(fix: string): readonly string[] {
  return [...fix.matchAll(/\brollcall ([^,;.:]+)/g)].map(([, words = ""]) => words.trim());
}

async function checkList(): Promise<void> {
  const present = await readFile(explainPageFile, "utf8").catch(() => "");
  if (present === (await explainPage())) return;
  const missing = Object.keys(explainCauses).filter((code) => !present.includes(`| \`${code}\` |`));
  const which = missing.length === 0 ? "its text differs" : `it lacks ${missing.join(", ")}`;
  throw new Error(`docs/explain.md does not match the causes in the code: ${which}. Run \`npm run explain:page\`.`);
}

function causesTable(): string {
  const steps = Object.entries(explainSteps).map(([step, question]) => {
    const own = Object.entries(explainCauses).filter(([, cause]) => cause.step === step);
    const rows = own.map(([code, { sentence, fix }]) => `| \`${code}\` | ${cell(sentence)} | ${cell(fix)} |`);
    return [
      `### ${step}: ${question}`,
      "",
      "| cause | what it means | what to do |",
      "|---|---|---|",
      ...rows,
      "",
    ].join("\n");
  });
  return steps.join("\n");
}

/** Text that a cell of a table can hold as it is; what is between backticks is left alone. */
function cell(text: string): string {
  return text
    .split("`")
    .map((part, at) =>
      at % 2 === 1 ? part : part.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*"),
    )
    .join("`");
}
