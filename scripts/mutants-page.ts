/** Writes docs/mutants.md from the list of mutants. */
import { writeFile } from "node:fs/promises";
import { mutantsPage, mutantsPageFile } from "./check/mutants-page.ts";

await writeFile(mutantsPageFile, mutantsPage());
