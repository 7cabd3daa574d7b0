import { existsSync } from "node:fs";
import path from "node:path";
import { programPath } from "./parts.ts";

const names = ["chromium", "google-chrome"];
/** Where a Chromium is, on a machine that has one. */
export const browserPath = programPath
  .split(path.delimiter)
  .flatMap((folder) => names.map((name) => path.join(folder, name)))
  .find((file) => existsSync(file));
