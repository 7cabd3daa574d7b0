import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { environmentWith } from "@rollcall/core/runtime";
import { until } from "../harness/until.ts";

export type Peer = { readonly processId: number; close(): Promise<void> };

/** Starts a server of the bench in a process of its own, with its port in PORT; resolves once it answers anything. */
export async function startPeer(file: string, port: number, settings: Readonly<Record<string, string>>): Promise<Peer> {
  const child = spawn(
    process.execPath,
    ["--conditions=rollcall-source", fileURLToPath(new URL(file, import.meta.url))],
    {
      env: { ...environmentWith({}), ...settings, PORT: String(port) },
      stdio: ["ignore", 2, "inherit"],
    },
  );
  await until(`${file} answers`, () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      async (answer) => {
        await answer.arrayBuffer();
        return true;
      },
      () => false,
    ),
  );
  if (child.pid === undefined) throw new Error(`${file} did not start`);
  return { processId: child.pid, close: () => ended(child) };
}

/** Ends a process and waits until it has. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
  });
  child.kill("SIGTERM");
  await exited;
}

/** The most memory that a process has held so far, in MiB, by Linux's own account. */
export function peakMemoryMib(processId: number): number {
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${processId}/status`, "utf8"))?.[1];
  if (peak === undefined) throw new Error(`no peak memory is known of process ${processId}`);
  return Math.round(Number(peak) / 1024);
}
