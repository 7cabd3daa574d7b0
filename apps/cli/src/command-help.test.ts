import { Command } from "commander";
import { describe, expect, test } from "vitest";
import { providerKinds, sourceKinds } from "@rollcall/core/domain";
import { commandExamples } from "./command-examples.ts";
import { commandPath, everyCommand } from "./command-help.ts";
import { program } from "./program.ts";

const all = everyCommand(program());
const leaves = all.filter(({ commands }) => commands.length === 0);

test("there are many commands, and examples of none that there is not", () => {
  expect(leaves.length).toBeGreaterThan(80);
  expect(Object.keys(commandExamples).filter((path) => !leaves.some((leaf) => commandPath(leaf) === path))).toEqual([]);
});

describe.each(leaves.map((command) => [commandPath(command), command] as const))("rollcall %s", (path, command) => {
  test("says what it is for, with what, and how it ends", () => {
    expect(command.description()).not.toBe("");
    for (const { flags, description } of command.options) expect(description, flags).not.toBe("");
    const help = helpOf(command);
    expect(help).toContain("Exit codes: 0 done");
    expect(help).toContain("--tenant <slug>");
    expect(help).toContain("Examples:\n  $ rollcall ");
  });

  test("says in which unit an option with a number is", () => {
    const numbers = command.options.filter(({ parseArg }) => parseArg?.name === "wholeNumber");
    for (const { flags } of numbers) expect(flags).toMatch(/<(?:milliseconds|seconds|days|number|count|port)>$/);
  });

  test.each(commandExamples[path] ?? ["NO EXAMPLE: give it one in command-examples.ts"])(
    "is used so: %s",
    async (example) => {
      const words = wordsOf(example);
      expect(words.slice(0, path.split(" ").length).join(" ")).toBe(path);
      await expect(parsed(words)).resolves.toBe(path);
    },
  );
});

test.each([
  ["source add", sourceKinds],
  ["provider set", providerKinds],
] as const)("an example of %s gives every setting that its kind needs, and no other", (path, kinds) => {
  for (const example of commandExamples[path] ?? []) {
    const words = wordsOf(example);
    const valuesOf = (option: string) => words.filter((_, at) => words[at - 1] === option);
    const [kind = ""] = valuesOf("--kind");
    const given = valuesOf("--setting").map((setting) => setting.split("=")[0]);
    const { settings } = (kinds as Readonly<Record<string, Described>>)[kind] ?? { settings: {} };
    expect(given.filter((name) => name === undefined || !(name in settings))).toEqual([]);
    expect(given).toEqual(
      expect.arrayContaining(Object.keys(settings).filter((name) => settings[name]?.required === true)),
    );
  }
});

type Described = { readonly settings: Readonly<Record<string, { readonly required?: boolean }>> };

function helpOf(command: Command): string {
  let help = "";
  command.configureOutput({ writeOut: (text) => (help += text) });
  command.outputHelp();
  return help;
}

/** As a shell would split it: quotes keep words together, and what a redirection or a comment says is not for us. */
function wordsOf(example: string): readonly string[] {
  const said = example.replace(/ (?:[<>]|#).*$/, "");
  return [...said.matchAll(/'([^']*)'|(\S+)/g)].map(([, kept, plain]) => kept ?? plain ?? "");
}

/** Which command would have been run: each is there, takes what it is given, and does nothing here. */
async function parsed(words: readonly string[]): Promise<string> {
  const root = program();
  let ran = "none";
  for (const command of everyCommand(root)) {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    if (command.commands.length === 0) command.action(() => void (ran = commandPath(command)));
  }
  await root.parseAsync([...words], { from: "user" });
  return ran;
}
