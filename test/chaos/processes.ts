import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { until } from "../harness/until.ts";

export type Role = "ingest" | "worker" | "reconciler" | "feed";

/** A role that runs, or one that stands beside it. */
export type Member = Role | "second worker" | "second reconciler";

export type Ended = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly tookMs: number };

export type Processes = ReturnType<typeof keepProcesses>;

/** Knows which process is which, and which of them ended without being told to. */
export function keepProcesses() {
  const running = new Map<Member | "redis", ChildProcess>();
  const expected = new WeakSet<ChildProcess>();
  const fallen: string[] = [];
  const isRunning = (child: ChildProcess | undefined): child is ChildProcess =>
    child !== undefined && child.exitCode === null && child.signalCode === null;
  return {
    fallen: (): readonly string[] => fallen,
    isRunning: (name: Member | "redis"): boolean => isRunning(running.get(name)),
    keep: (name: Member | "redis", child: ChildProcess): void => {
      running.set(name, child);
      child.once("exit", (code, signal) => {
        if (!expected.has(child)) fallen.push(`${name} ended by itself (${signal ?? code ?? "?"})`);
      });
    },
    /** A signal that ends nothing. */
    send: (name: Member, signal: NodeJS.Signals): void => {
      running.get(name)?.kill(signal);
    },
    /** A signal that ends it. Undefined where it does not run. */
    end: async (name: Member | "redis", signal: NodeJS.Signals): Promise<Ended | undefined> => {
      const child = running.get(name);
      if (!isRunning(child)) return undefined;
      expected.add(child);
      const sentAtMs = performance.now();
      const exited = new Promise<Ended>((resolve) => {
        child.once("exit", (code, by) => resolve({ code, signal: by, tookMs: performance.now() - sentAtMs }));
      });
      child.kill(signal);
      // One that stands still would never hear it.
      child.kill("SIGCONT");
      return exited;
    },
  };
}

const apps = fileURLToPath(new URL("../../apps", import.meta.url));

export function spawnRole(role: Role, env: NodeJS.ProcessEnv, log: number): ChildProcess {
  const main = path.join(apps, role, "src", "main.ts");
  return spawn(process.execPath, ["--conditions=rollcall-source", main], { env, stdio: ["ignore", log, log] });
}

export async function isReady(port: number): Promise<boolean> {
  const signal = AbortSignal.timeout(2_000);
  return (await fetch(`http://127.0.0.1:${port}/readyz`, { signal }).catch(() => undefined))?.ok === true;
}

export async function untilReady(member: Member, port: number, isRunning: () => boolean): Promise<void> {
  const ready = async (): Promise<boolean> => {
    if (!isRunning()) throw new Error(`${member} ended while it started`);
    return isReady(port);
  };
  await until(`${member} is ready`, ready, 150_000);
}
