import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { programPath } from "../../harness/parts.ts";
import { until } from "../../harness/until.ts";
import { ended } from "../child-process.ts";

/** A process whose time on a processor is counted. */
export type Running = {
  readonly processId: number;
  close(): Promise<void>;
};

const ticksPerSec = 100;

/** Starts a program; resolves once `answers` is true of it. */
export async function startProgram(
  name: string,
  [program, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  answers: () => Promise<boolean>,
): Promise<Running> {
  const child = spawn(program, args, {
    env: { PATH: `${programPath}:/usr/sbin`, ...env },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr.on("data", (text: Buffer) => (complaints = `${complaints}${text.toString("utf8")}`.slice(-2_000)));
  await until(`${name} answers`, async () => {
    if (child.exitCode !== null) throw new Error(`${name} ended: ${complaints}`);
    return answers();
  });
  if (child.pid === undefined) throw new Error(`${name} did not start`);
  return { processId: child.pid, close: () => ended(child) };
}

/** Starts a module of ours in a process of its own. */
export function startModule(
  name: string,
  module: URL,
  env: Readonly<Record<string, string>>,
  answers: () => Promise<boolean>,
  args: readonly string[] = [],
): Promise<Running> {
  return startProgram(name, [process.execPath, "--conditions=rollcall-source", module.pathname, ...args], env, answers);
}

/** The milliseconds that a process has run on a processor so far, by Linux's own account. */
export function processorMs({ processId }: Pick<Running, "processId">): number {
  const stat = readFileSync(`/proc/${processId}/stat`, "utf8");
  // The name, which stands in parentheses, may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSec;
}
