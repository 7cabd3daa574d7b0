import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { refusalReasons } from "./reasons.ts";

test("the README lists every reason as it is", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const rows = Object.entries(refusalReasons).map(
    ([code, { status, meaning }]) => `| \`${code}\` | ${status} | ${meaning} |`,
  );
  expect(readme).toContain(`${rows.join("\n")}\n\n`);
});
