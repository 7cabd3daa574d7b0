/** Writes the causes into docs/explain.md from the table in the code. */
import { writeFile } from "node:fs/promises";
import { explainPage, explainPageFile } from "./check/explain-page.ts";

await writeFile(explainPageFile, await explainPage());
