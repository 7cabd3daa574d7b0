import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { root, runAnyway } from "./program.ts";

const npmItself = ["ci", "install"];
const shells = ["", "sh", "bash", "console"];

/** Every command in the code blocks of README.md exists: npm scripts, `rollcall` commands with their options, services of compose. */
export async function checkReadme(): Promise<void> {
  const commands = commandsIn(await readFile(path.join(root, "README.md"), "utf8"));
  if (commands.length === 0) throw new Error("README.md shows no command at all");
  const problems = await Promise.all(commands.map(problemWith));
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw new Error([...new Set(found)].join("\n"));
}

function commandsIn(markdown: string): readonly (readonly string[])[] {
  const blocks = [...markdown.matchAll(/^```(\w*)\n(.*?)^```/gms)].filter(([, language]) =>
    shells.includes(language ?? ""),
  );
  return blocks
    .flatMap(([, , body]) => (body ?? "").replaceAll("\\\n", " ").split("\n"))
    .map((line) => line.replace(/^\$ /, "").replace(/(^|\s)#.*$/, ""))
    .flatMap((line) => line.split(/&&|\|\||[;|]/))
    .map((command) => command.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))));
}

async function problemWith(words: readonly string[]): Promise<string | undefined> {
  const [program, first, ...rest] = words;
  switch (program) {
    case "npm":
      return problemWithNpm(first ?? "", rest);
    case "npx":
      return first === "rollcall" ? problemWithRollcall(rest) : `README.md: npx ${first} is no command of this house`;
    case "rollcall":
      return problemWithRollcall(words.slice(1));
    case "docker":
      return existsSync(path.join(root, "docker-compose.yml"))
        ? undefined
        : "README.md: there is no docker-compose.yml";
    default:
      return undefined;
  }
}

async function problemWithNpm(first: string, rest: readonly string[]): Promise<string | undefined> {
  const script = first === "run" ? (rest[0] ?? "") : first;
  if (first !== "run" && npmItself.includes(first)) return undefined;
  const { scripts } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  if (scripts[script] === undefined) return `README.md: npm has no script "${script}"`;
  const afterDashes = rest.slice(rest.indexOf("--") + 1);
  return script === "rollcall" ? problemWithRollcall(afterDashes) : undefined;
}

/** Asks the command line itself: the help of what exists names it, and each of its options. */
export async function problemWithRollcall(words: readonly string[]): Promise<string | undefined> {
  const end = words.findIndex((word) => !/^[a-z][a-z-]*$/.test(word));
  const names = end === -1 ? words : words.slice(0, end);
  const [help, globalHelp] = await Promise.all([helpOf(names), helpOf([])]);
  const usage = /^Usage: rollcall(.*)$/m.exec(help)?.[1] ?? "";
  const stray = names.findIndex((name) => !usage.includes(` ${name}`));
  // A word that the usage does not repeat is an argument, where the command takes one.
  if (stray === 0 || (stray > 0 && !usage.includes("<")))
    return `README.md: rollcall has no command "${names.join(" ")}"`;
  const options = words.filter((word) => word.startsWith("--")).map((word) => word.split("=")[0] ?? word);
  const unknown = options.filter((option) => !help.includes(option) && !globalHelp.includes(option));
  return unknown.length === 0
    ? undefined
    : `README.md: rollcall ${names.join(" ")} has no option ${unknown.join(", ")}`;
}

const helps = new Map<string, Promise<string>>();

function helpOf(names: readonly string[]): Promise<string> {
  const key = names.join(" ");
  const known = helps.get(key);
  if (known !== undefined) return known;
  const asked = runAnyway("node", ["--conditions=rollcall-source", "apps/cli/src/main.ts", ...names, "--help"], root);
  const help = asked.then(({ output }) => output);
  helps.set(key, help);
  return help;
}
