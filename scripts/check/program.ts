import { spawn } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The checkout that is being checked. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Runs a program of ours from the root; throws with everything it printed when it fails. */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const { code, output } = await runAnyway(program, args, root);
  if (code !== 0) throw new Error(output === "" ? `${program} exited with ${code}` : output);
  return output;
}

/** Runs a program in a directory, and answers how it ended and what it printed, in colours or not. */
export function runAnyway(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const bin = path.join(cwd, "node_modules", ".bin");
    const child = spawn(program, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        PATH: `${bin}${path.delimiter}${process.env["PATH"] ?? ""}`,
        NO_COLOR: "1",
        TURBO_TELEMETRY_DISABLED: "1",
        DO_NOT_TRACK: "1",
      },
    });
    let output = "";
    const collect = (chunk: Buffer): void => {
      output += chunk.toString("utf8");
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output: output.trim() }));
  });
}
