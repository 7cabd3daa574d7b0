import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type ChaosMutant, mutants } from "./mutants.ts";

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const cyclesMax = 12;

type Verdict = { readonly caught: boolean; readonly cycles: number; readonly first: string };

/** Runs every mutant under the fault that is to bring it to light. A mutant that survives fails the run. */
export async function runControls(json: boolean): Promise<number> {
  const verdicts: (Verdict & { readonly mutant: string; readonly fault: string })[] = [];
  for (const mutant of mutants) {
    const verdict = await runMutant(mutant);
    verdicts.push({ mutant: mutant.name, fault: mutant.caughtBy, ...verdict });
    const how = verdict.caught ? `caught in cycle ${verdict.cycles}: ${verdict.first}` : `SURVIVED ${verdict.first}`;
    process.stderr.write(`${mutant.caughtBy.padEnd(18)} ${mutant.name}: ${how}\n`);
  }
  const survivors = verdicts.filter(({ caught }) => !caught);
  const line = { mutants: verdicts.length, caught: verdicts.length - survivors.length };
  process.stdout.write(
    json ? `${JSON.stringify({ ...line, verdicts })}\n` : `${line.caught} of ${line.mutants} caught\n`,
  );
  return survivors.length === 0 ? 0 : 1;
}

/** A run that found nothing, and one that could not be made, have caught nothing. */
function runMutant({ name, caughtBy }: ChaosMutant): Promise<Verdict> {
  const asked = ["--mutant", name, "--only", caughtBy, "--cycles", String(cyclesMax), "--seed", "1", "--json"];
  const child = spawn(process.execPath, [...process.execArgv, main, ...asked], { stdio: ["ignore", "pipe", "pipe"] });
  let [said, figures] = ["", ""];
  child.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  child.stdout.on("data", (bytes: Buffer) => (figures += bytes.toString()));
  return new Promise((resolve) => {
    child.once("exit", (code) => {
      const first = /^WRONG {2}(.*)$/m.exec(said)?.[1];
      const { cycles } = JSON.parse(figures === "" ? '{"cycles":0}' : figures) as { readonly cycles: number };
      resolve({ caught: code === 1 && first !== undefined, cycles, first: first ?? `with exit code ${code}` });
    });
  });
}
