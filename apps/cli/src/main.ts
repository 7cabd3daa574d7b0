import { enableCompileCache } from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { CommanderError } from "commander";
import { exitCodes } from "./exit-codes.ts";

// A command is over in a moment, and most of that would be compiling. What is kept is code that
// runs later, so it is kept where only its user can write; where nobody can, nothing is kept.
enableCompileCache(path.join(homedir(), ".cache", "rollcall"));

// Whoever reads may have read enough, as `head` has: the command ends as it would have, and nobody hears of it.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });

try {
  const { program } = await import("./program.ts");
  await program().parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
}
