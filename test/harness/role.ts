import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { mutantSettings } from "./mutants/settings.ts";

export type Role = "ingest" | "worker" | "reconciler" | "feed" | "authz";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Starts one role as the process that it is in production, with nothing but these settings. */
export function spawnRole(role: Role, settings: Readonly<Record<string, string>>) {
  return spawn(process.execPath, ["--conditions=rollcall-source", `apps/${role}/src/main.ts`], {
    cwd: root,
    env: { PATH: process.env["PATH"], ...mutantSettings(), ...settings },
    stdio: ["ignore", "pipe", "pipe"],
  });
}
