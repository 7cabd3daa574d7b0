import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { mutants, mutate } from "./mutants.ts";

/** For `node --import`: makes the mistake that MUTANT names while the sources are read; the files stay as they are. */
const name = process.env["MUTANT"];
const mutant = mutants.find((one) => one.name === name);
if (mutant === undefined) throw new Error(`there is no mutant ${JSON.stringify(name)}`);
const file = fileURLToPath(new URL(`../../../${mutant.file}`, import.meta.url));

registerHooks({
  load: (url, context, nextLoad) => {
    const loaded = nextLoad(url, context);
    return url === pathToFileURL(file).href
      ? { ...loaded, source: mutate(readFileSync(file, "utf8"), mutant) }
      : loaded;
  },
});
