import { readFile } from "node:fs/promises";
import path from "node:path";
import { root, run } from "./program.ts";

// Assembled from parts, so that this file does not find itself.
const forbidden: readonly (readonly [name: string, pattern: RegExp])[] = [
  [
    "a path of somebody's machine",
    new RegExp(`(^|[\\s"'\`(=:])/(${["work", "root", "home"].join("|")})/[\\w.-]+`, "m"),
  ],
  [
    "the host of a package registry",
    new RegExp(`\\b(registry\\.(npm|yarn)\\w*|deb\\.debian|npm\\.pkg)\\.\\w+|"resolved": *"https?:`, "i"),
  ],
  ["a conflict left in", /^(<{7}|>{7}) /m],
];

/** No tracked or new file names a path of somebody's machine or the host of a registry. */
export async function checkWords(): Promise<void> {
  const files = (await run("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"))
    .split("\0")
    .filter((file) => file !== "");
  const problems = await Promise.all(files.map(problemsIn));
  const found = problems.flat();
  if (found.length > 0) throw new Error(found.join("\n"));
}

async function problemsIn(file: string): Promise<readonly string[]> {
  const text = await readFile(path.join(root, file), "utf8").catch(() => "");
  return forbidden.flatMap(([name, pattern]) => {
    const match = pattern.exec(text);
    return match === null
      ? []
      : [`${file}:${text.slice(0, match.index).split("\n").length} holds ${name}: ${match[0].trim()}`];
  });
}
