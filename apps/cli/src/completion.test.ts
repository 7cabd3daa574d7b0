import { execFileSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { completionScript } from "./completion.ts";
import { commandPath, everyCommand } from "./command-help.ts";
import { program } from "./program.ts";

const root = program();

/** What bash offers behind these words, the last of which is being written. */
function offered(...words: readonly string[]): readonly string[] {
  const script = `${completionScript(root, "bash")}
COMP_WORDS=(rollcall ${words.map((word) => `'${word}'`).join(" ")})
COMP_CWORD=${words.length}
_rollcall
printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync("bash", ["--norc", "-c", script], { encoding: "utf8" });
  return answer.split("\n").filter((line) => line !== "");
}

describe("bash completes", () => {
  test("commands, at every depth", () => {
    expect(offered("")).toEqual(root.commands.map((command) => command.name()));
    expect(offered("conn")).toEqual(["connection"]);
    expect(offered("connection", "schema", "re")).toEqual(["replace", "remove"]);
  });

  test("options, a command's own and everybody's", () => {
    expect(offered("token", "issue", "--ro")).toEqual(["--role"]);
    expect(offered("token", "issue", "--te")).toEqual(["--tenant"]);
    expect(offered("token", "list", "--ro")).toEqual([]);
  });

  test("what an option or an argument may be, where that is one of a few", () => {
    expect(offered("token", "issue", "")).toEqual(["scim", "feed", "ssf", "admin"]);
    expect(offered("token", "issue", "admin", "--role", "")).toEqual(["viewer", "operator", "admin"]);
  });

  test("behind an option's value as if it were not there, even where that is a command's name", () => {
    expect(offered("--tenant", "user", "connection", "sch")).toEqual(["schema"]);
  });
});

test.each(["zsh", "fish"] as const)("the script for %s knows every command and every option", (shell) => {
  const script = completionScript(root, shell);
  for (const command of everyCommand(root)) {
    expect(script).toContain(`'${commandPath(command)}'`);
    for (const { long } of command.options)
      expect(script).toContain(shell === "fish" ? `-l ${long?.slice(2) ?? ""}` : `'${long ?? ""}:`);
  }
});
