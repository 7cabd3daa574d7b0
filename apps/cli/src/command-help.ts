import type { Command } from "commander";
import { commandExamples } from "./command-examples.ts";

const exits = "Exit codes: 0 done · 1 refused, or the answer is no · 2 used wrongly · 3 the service cannot be reached";

/** Adds to every command's help its examples, the options that all commands have, and how it ends. */
export function describeCommands(root: Command): void {
  for (const command of everyCommand(root)) {
    const examples = commandExamples[commandPath(command)] ?? [];
    const lines = examples.map((example) => `  $ rollcall ${example}`).join("\n");
    command.configureHelp({ showGlobalOptions: true });
    if (lines !== "") command.addHelpText("after", `\nExamples:\n${lines}`);
    command.addHelpText("after", `\n${exits}`);
  }
}

/** A command and all below it. */
export function everyCommand(root: Command): readonly Command[] {
  return [root, ...root.commands.flatMap(everyCommand)];
}

/** Its words behind `rollcall`: `connection schema add`. */
export function commandPath(command: Command): string {
  const { parent } = command;
  return parent === null ? "" : `${commandPath(parent)} ${command.name()}`.trim();
}
