const hook = new URL("hook.ts", import.meta.url).href;

/** What a process that a story starts needs in order to make the mistake that the story is to tell of; nothing where there is none. */
export function mutantSettings(): Readonly<Record<string, string>> {
  const mutant = process.env["MUTANT"];
  return mutant === undefined ? {} : { MUTANT: mutant, NODE_OPTIONS: `--import=${hook}` };
}
