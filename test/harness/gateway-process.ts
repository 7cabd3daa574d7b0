import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "@rollcall/cli/postgres";
import { expect, onTestFinished } from "vitest";
import { programPath } from "./parts.ts";
import { until } from "./until.ts";

export type GatewayProcess = {
  readonly program: string;
  /** The example's own file. */
  readonly example: URL;
  /** What is put in place of the example's addresses; each must stand in it exactly once. */
  readonly replacements: (place: Place) => readonly (readonly [string, string])[];
  readonly args: (place: Place & { readonly config: string }) => readonly string[];
};
/** Takes what is to be done when what was started is needed no more. */
export type OnEnd = (close: () => Promise<void> | void) => void;
type Place = { readonly directory: string; readonly port: number };

/** Runs the example's configuration in a real gateway until the test is finished, or what is given in its place, and returns where it answers. */
export async function startGateway(
  { program, example, replacements, args }: GatewayProcess,
  onEnd: OnEnd = onTestFinished,
): Promise<string> {
  const place = { directory: await mkdtemp(join(tmpdir(), `${program}-`)), port: await freePort() };
  let text = await readFile(example, "utf8");
  for (const [from, to] of replacements(place)) {
    expect([from, text.split(from).length - 1]).toEqual([from, 1]);
    text = text.replace(from, to);
  }
  const config = join(place.directory, "config");
  await writeFile(config, text);
  const child = spawn(program, args({ ...place, config }), {
    stdio: ["ignore", "ignore", "pipe"],
    env: { PATH: `${programPath}:/usr/sbin`, HOME: place.directory },
  });
  let complaints = "";
  child.stderr.on("data", (chunk: Buffer) => (complaints += chunk.toString("utf8")));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", () => resolve());
  });
  onEnd(async () => {
    child.kill("SIGTERM");
    await exited;
    await rm(place.directory, { recursive: true });
  });
  const origin = `http://127.0.0.1:${place.port}`;
  await until(`${program} answers`, async () => {
    if (child.exitCode !== null) throw new Error(`${program} ended: ${complaints}`);
    return fetch(origin).then(
      () => true,
      () => false,
    );
  });
  return origin;
}
