/** Prints what failed in a report of vitest's JSON reporter: file, test, and the first lines of why. */
import { readFileSync } from "node:fs";

interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { status: string; fullName: string; duration?: number; failureMessages: string[] }[];
  }[];
}

const LINES_OF_WHY = 6;

const [path] = process.argv.slice(2);
if (path === undefined) throw new Error("usage: failed-tests.ts REPORT");
const report = JSON.parse(readFileSync(path, "utf8")) as Report;

const firstLines = (text: string): string => text.split("\n").slice(0, LINES_OF_WHY).join("\n    ");

for (const file of report.testResults) {
  const failed = file.assertionResults.filter(({ status }) => status === "failed");
  if (failed.length === 0 && file.message === "") continue;
  console.log(file.name.replace(`${process.cwd()}/`, ""));
  if (file.message !== "") console.log(`    ${firstLines(file.message)}`);
  for (const test of failed) {
    console.log(`  ${test.fullName} (${Math.round(test.duration ?? 0)} ms)`);
    for (const why of test.failureMessages) console.log(`    ${firstLines(why)}`);
  }
}
