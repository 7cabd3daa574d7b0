import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mutants as storyMutants, mutate } from "../harness/mutants/mutants.ts";
import { mutants } from "./mutants.ts";

/** For `node --import`: makes the mistake that MUTANT names, of those of chaos and of the stories, while the sources are read. */
const name = process.env["MUTANT"];
const mutant = [...mutants, ...storyMutants].find((one) => one.name === name);
if (mutant === undefined) throw new Error(`there is no mutant ${JSON.stringify(name)}`);
const file = fileURLToPath(new URL(`../../${mutant.file}`, import.meta.url));
const mistaken = mutate(readFileSync(file, "utf8"), { ...mutant, caughtBy: { file: "chaos", test: "" } });

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    return url === pathToFileURL(file).href ? { ...loaded, source: mistaken } : loaded;
  },
});
