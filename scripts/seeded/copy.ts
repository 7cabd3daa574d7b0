import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root } from "../check/program.ts";

export type Copy = {
  readonly directory: string;
  write(file: string, text: string): void;
  edit(file: string, change: (text: string) => string): void;
  /** Takes back everything that was written. */
  restore(): void;
  remove(): void;
};

/** Copies what git knows or would add, with the installed packages beside it, so that it can be broken. */
export function makeCopy(): Copy {
  const directory = mkdtempSync(path.join(tmpdir(), "rollcall-seeded-"));
  const git = (...args: string[]): string => execFileSync("git", args, { cwd: directory, encoding: "utf8" });
  for (const file of filesOf(root)) cpSync(path.join(root, file), path.join(directory, file), { recursive: true });
  const client = path.join("apps", "core", "src", "store", "prisma");
  cpSync(path.join(root, client), path.join(directory, client), { recursive: true });
  linkPackages(directory);
  git("init", "--quiet");
  git("add", "--all");
  return {
    directory,
    write: (file, text) => {
      mkdirSync(path.dirname(path.join(directory, file)), { recursive: true });
      writeFileSync(path.join(directory, file), text);
    },
    edit: (file, change) => {
      const before = readFileSync(path.join(directory, file), "utf8");
      const after = change(before);
      if (after === before) throw new Error(`nothing was changed in ${file}: the violation is not planted`);
      writeFileSync(path.join(directory, file), after);
    },
    restore: () => {
      git("checkout", "--quiet", ".");
      git("clean", "--quiet", "--force", "-d");
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function filesOf(directory: string): readonly string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: directory,
    encoding: "utf8",
  });
  return listed.split("\0").filter((file) => file !== "" && existsSync(path.join(directory, file)));
}

/** Packages are links to the installed ones; workspaces are links into the copy. */
function linkPackages(directory: string): void {
  const installed = path.join(root, "node_modules");
  mkdirSync(path.join(directory, "node_modules", "@rollcall"), { recursive: true });
  for (const name of readdirSync(installed).filter((entry) => entry !== "@rollcall")) {
    symlinkSync(path.join(installed, name), path.join(directory, "node_modules", name));
  }
  for (const name of readdirSync(path.join(directory, "apps"))) {
    symlinkSync(path.join(directory, "apps", name), path.join(directory, "node_modules", "@rollcall", name));
    const nested = path.join(root, "apps", name, "node_modules");
    if (existsSync(nested) && lstatSync(nested).isDirectory())
      symlinkSync(nested, path.join(directory, "apps", name, "node_modules"));
  }
}
