import { readFileSync } from "node:fs";
import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";

/** Reads a file that a command was given. Throws `CommandError` where it cannot be read. */
export function readGiven(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code ?? "unknown error";
    throw new CommandError(exitCodes.usage, "file_unreadable", `${file} cannot be read: ${why}`, { cause });
  }
}
