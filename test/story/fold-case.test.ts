import { expect, test } from "vitest";
import { foldCase as directoryFold } from "@rollcall/core/domain";
import { foldCase as guardFold } from "../../apps/guard/src/fold-case.ts";

test("the guard folds every code point as the directory does, and folding twice changes nothing", () => {
  const unlike: string[] = [];
  for (let code = 0; code <= 0x10ffff; code += 1) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const text = `a${String.fromCodePoint(code)}b`;
    const folded = directoryFold(text);
    if (guardFold(text) !== folded || directoryFold(folded) !== folded) unlike.push(code.toString(16));
  }
  expect(unlike).toEqual([]);
});
