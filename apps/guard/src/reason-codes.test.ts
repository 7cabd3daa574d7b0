import { readFile } from "node:fs/promises";
import { describe, expect, test } from "vitest";
import { feedFaults } from "./feed-error.ts";
import { refusalReasons, type RefusalReason } from "./reasons.ts";
import { openRefusal, type RefusalCase, refusalCases } from "./testing/refusal-cases.ts";

const page = await readFile(new URL("../../../docs/reason-codes.md", import.meta.url), "utf8");

describe("the page of reason codes", () => {
  test("has every reason, with its status and sentence, and no other", () => {
    const sections = [...page.matchAll(/^### `(\w+)`\n\n(\d+)\. (.+)\n\n(.+)\n/gm)];
    const written = sections.map(([, code, status, meaning]) => ({ code, status: Number(status), meaning }));
    const real = Object.entries(refusalReasons).map(([code, row]) => ({ code, ...row }));
    expect(new Set(written)).toEqual(new Set(real));
    expect(page.match(/^### /gm)).toHaveLength(real.length);
  });

  test("says what to do about each", () => {
    const sections = page.split("\n# Faults")[0]?.split(/^### /m).slice(1) ?? [];
    expect(sections.filter((section) => !section.includes("*Do:*"))).toEqual([]);
    expect(sections).toHaveLength(Object.keys(refusalReasons).length);
  });

  test("has every fault, and no other", () => {
    const faults = page.split("\n# Faults")[1] ?? "";
    const written = [...faults.matchAll(/^\| `(\w+)` \| .+ \|$/gm)].map(([, code]) => code);
    expect(new Set(written)).toEqual(new Set(feedFaults));
    expect(written).toHaveLength(feedFaults.length);
  });
});

test.each(Object.entries(refusalCases) as [RefusalReason, RefusalCase][])(
  "%s comes about, with its status",
  async (reason, given) => {
    const { guard, token } = await openRefusal(given);
    expect(await guard.check(token)).toMatchObject({ allow: false, reason, status: refusalReasons[reason].status });
  },
);
