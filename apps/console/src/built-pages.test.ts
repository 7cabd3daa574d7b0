import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { fingerprintOf } from "./built-pages.ts";

test("pages that were built from other sources are never taken for those of the present ones", () => {
  const home = mkdtempSync(path.join(tmpdir(), "rollcall-pages-"));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  const write = (file: string, text: string): void => {
    mkdirSync(path.dirname(path.join(home, file)), { recursive: true });
    writeFileSync(path.join(home, file), text);
  };
  write("vite.config.ts", "export default {};");
  write("web/index.html", "<title>one</title>");
  write("web/src/main.tsx", "one");
  write("node_modules/react/package.json", `{"version":"1.0.0"}`);
  const changes: readonly (() => void)[] = [
    () => write("web/src/main.tsx", "two"),
    () => write("web/src/added.tsx", ""),
    () => renameSync(path.join(home, "web/src/added.tsx"), path.join(home, "web/src/renamed.tsx")),
    () => write("web/index.html", "<title>two</title>"),
    () => write("vite.config.ts", "export default { base: '/' };"),
    () => write("node_modules/react/package.json", `{"version":"1.0.1"}`),
    () => rmSync(path.join(home, "web/src/renamed.tsx")),
  ];
  const seen = [fingerprintOf(home)];
  expect(fingerprintOf(home)).toBe(seen[0]);
  for (const change of changes) {
    change();
    seen.push(fingerprintOf(home));
  }
  // Taking the added file away leads back to nothing that was before: the rest has changed meanwhile.
  expect(new Set(seen).size).toBe(seen.length);
});
