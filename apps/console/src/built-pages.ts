import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const consoleHome = fileURLToPath(new URL("..", import.meta.url));
const buildMsMax = 60_000;
/** What is bundled with our own sources. */
const bundled = ["react", "react-dom", "wouter", "@tanstack/react-query", "uplot"];

/** All builds; each in a directory that is named after what it was built from, so that none can be stale. */
export const buildsDirectory = path.join(consoleHome, "dist");

/** Where the pages of the present sources are, or would be. */
export function pagesDirectory(): string {
  return path.join(buildsDirectory, fingerprintOf(consoleHome));
}

/**
 * Where the pages of the present sources are; built first where they are not. Undefined where they
 * cannot be built, because the tools for it are not installed.
 */
export async function ensurePages(): Promise<string | undefined> {
  const directory = pagesDirectory();
  if (existsSync(directory)) return directory;
  // In a process of its own: what builds needs a hundred megabytes that what serves does not.
  const build = fileURLToPath(new URL("build-pages.ts", import.meta.url));
  await promisify(execFile)(process.execPath, [build], { timeout: buildMsMax });
  return existsSync(directory) ? directory : undefined;
}

/** Another one with every change of a source, of how it is built, and of what is built into it. */
export function fingerprintOf(home: string): string {
  const hash = createHash("sha256");
  const files = readdirSync(path.join(home, "web"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name));
  for (const file of [...files, path.join(home, "vite.config.ts")].toSorted())
    hash
      .update(`${path.relative(home, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  for (const name of bundled) hash.update(`${name} ${installedVersion(home, name)}\0`);
  return hash.digest("hex").slice(0, 16);
}

/** Of a package beside us or above us, as Node would find it. */
function installedVersion(home: string, name: string): string {
  const files = [home, path.join(home, "..", "..")].map((place) =>
    path.join(place, "node_modules", name, "package.json"),
  );
  const file = files.find((candidate) => existsSync(candidate));
  return file === undefined ? "none" : (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
