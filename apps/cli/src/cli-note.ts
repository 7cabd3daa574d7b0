import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { CommandError } from "./admin-api.ts";
import { exitCodes } from "./exit-codes.ts";

const noteShape = z.object({ url: z.string(), token: z.string(), tenant: z.string().optional() });

/** Where `up` runs, and the admin token and the tenant that it began with. */
export type Note = z.output<typeof noteShape>;

export function noteFile(home: string): string {
  return path.join(home, "cli.json");
}

/** The command line finds the service and its admin token here. */
export function keepForCli(home: string, note: Note): void {
  writeFileSync(noteFile(home), `${JSON.stringify(note, null, 2)}\n`, { mode: 0o600 });
}

/** Has the note of an earlier start say where Rollcall is now. Without one, and where somebody wrote something else, nothing happens. */
export function moveForCli(home: string, url: string): void {
  const file = noteFile(home);
  const note = existsSync(file) ? parseNote(readFileSync(file, "utf8")) : undefined;
  if (note !== undefined && note.url !== url) keepForCli(home, { ...note, url });
}

/** What `up` noted; undefined where it noted nothing. Throws `CommandError` for what it did not write. */
export function readNote(file: string): Note | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
  const note = parseNote(text);
  if (note !== undefined) return note;
  throw new CommandError(
    exitCodes.usage,
    "note_invalid",
    `${file} is not what \`rollcall up\` wrote: give --url and --token-file, or remove it`,
  );
}

function parseNote(text: string): Note | undefined {
  try {
    return noteShape.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
