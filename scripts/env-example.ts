/** Writes .env.example from the settings that config.ts reads. */
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { envExample } from "./check/env-example.ts";
import { root } from "./check/program.ts";

await writeFile(path.join(root, ".env.example"), envExample());
