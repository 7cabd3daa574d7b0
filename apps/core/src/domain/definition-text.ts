import type { Json, JsonObject } from "./directory.ts";

/** One thing that is wrong with a definition, and where. */
export type DefinitionProblem = { readonly at: string; readonly message: string };

/** Notes what is wrong at a place; reading goes on, so that everything wrong is said at once. */
export type Complain = (at: string, message: string) => void;

const descriptionLengthMax = 1_000;

/** Notes every member that RFC 7643 §7 does not know, whose meaning would otherwise be lost in silence. */
export function refuseUnknown(written: JsonObject, known: ReadonlySet<string>, at: string, complain: Complain): void {
  for (const name of Object.keys(written)) {
    if (!known.has(name)) complain(within(at, name.slice(0, 60)), "is not part of a definition (RFC 7643 §7)");
  }
}

/** A description, which may be left out. */
export function readDescription(written: Json | undefined, at: string, complain: Complain): string {
  return written === undefined || written === "" ? "" : readText(written, descriptionLengthMax, at, complain);
}

/** Text that can be stored and shown on one line. */
export function readText(written: Json | undefined, lengthMax: number, at: string, complain: Complain): string {
  if (typeof written !== "string" || written === "") complain(at, "must be text");
  else if (written.length > lengthMax) complain(at, `is longer than ${lengthMax} characters`);
  else if (/\p{Cc}/u.test(written) || !written.isWellFormed())
    complain(at, "contains a character that cannot be shown");
  return typeof written === "string" ? written : "";
}

/** The path of a member: `attributes[2].name`. */
export function within(at: string, name: string): string {
  return at === "" ? name : `${at}.${name}`;
}
