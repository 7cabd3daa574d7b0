import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import path from "node:path";
import { StartError } from "@rollcall/core/runtime";

/**
 * Takes a directory for this process alone. Throws when another Rollcall lives in it; a lock that a
 * killed process left behind is taken over. Answers how to give it back.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true });
  const file = path.join(directory, "lock");
  for (;;) {
    try {
      const handle = openSync(file, "wx");
      writeSync(handle, String(process.pid));
      closeSync(handle);
      return () => unlinkSync(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const pid = Number(readFileSync(file, "utf8"));
    if (pid !== process.pid && isRollcall(pid)) {
      throw new StartError(
        `another Rollcall (pid ${pid}) runs on ${path.resolve(directory)}: stop it first, or set ROLLCALL_HOME to another directory`,
      );
    }
    unlinkSync(file);
  }
}

/** A pid may belong to another program by now; only a Node running our command counts. */
function isRollcall(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return /main\.ts|rollcall/.test(execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }));
  } catch {
    return false;
  }
}
