import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Mutant, testFileOf } from "../../test/harness/mutants/mutant.ts";
import { mutants } from "../../test/harness/mutants/mutants.ts";
import { root } from "./program.ts";

export const mutantsPageFile = path.join(root, "docs/mutants.md");

const head = `# Mistakes that the tests know

Each line is a mistake that somebody could make, or has made, in a system like this one. \`npm run mutants\` makes them one at a time, in the sources as they are read, and runs the test that is named beside it: that test has to fail. A rule whose mistake no test notices is held by nothing. \`npm run mutants -- --only NAME\` makes one of them.

This page is written by \`npm run mutants:page\` from the list in [test/harness/mutants](../test/harness/mutants).
`;

/** What docs/mutants.md must hold: every mutant, by the room that it is made in. */
export function mutantsPage(): string {
  const rooms = Map.groupBy(mutants, ({ file }) => roomOf(file));
  const tables = [...rooms]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([room, own]) => {
      const rows = own.map(
        (mutant) =>
          `| ${cell(mutant.name)} | [${path.basename(mutant.file)}](../${mutant.file}) | ${told(mutant)}: ${cell(mutant.caughtBy.test)} |`,
      );
      return [`## ${room} (${own.length})`, "", "| mistake | made in | told by |", "|---|---|---|", ...rows, ""].join(
        "\n",
      );
    });
  return [head, `There are ${mutants.length}.`, "", ...tables].join("\n");
}

/** docs/mutants.md lists the mutants that there are. */
export async function checkMutantsPage(): Promise<void> {
  const present = await readFile(mutantsPageFile, "utf8").catch(() => "");
  if (present === mutantsPage()) return;
  const missing = mutants.filter(({ name }) => !present.includes(`| ${cell(name)} |`)).map(({ name }) => name);
  const which = missing.length === 0 ? "its text differs" : `it lacks ${missing.join("; ")}`;
  throw new Error(`docs/mutants.md does not match the list of mutants: ${which}. Run \`npm run mutants:page\`.`);
}

function told(mutant: Mutant): string {
  return `[${path.basename(mutant.caughtBy.file)}](../${testFileOf(mutant)})`;
}

/** `apps/core/src/store/publish.ts` → `core/store`; rooms without rooms of their own are themselves. */
function roomOf(file: string): string {
  const [, app = "", , ...rest] = file.split("/");
  return rest.length > 1 ? `${app}/${rest[0] ?? ""}` : app;
}

/** Text that a cell of a table can hold as it is. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*").replaceAll("_", "\\_");
}
