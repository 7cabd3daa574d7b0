import { Argument, Command } from "commander";
import { completionScript, shells } from "../completion.ts";

/** `rollcall completion bash|zsh|fish` */
export function completionCommand(): Command {
  return new Command("completion")
    .description("print what a shell needs to complete these commands, for its start-up file")
    .addArgument(new Argument("<shell>", "whose").choices(shells))
    .action((shell: (typeof shells)[number], _options: object, command: Command) => {
      const { parent } = command;
      process.stdout.write(completionScript(parent ?? command, shell));
    });
}
