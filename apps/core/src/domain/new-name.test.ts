import { describe, expect, test } from "vitest";
import { assertNewName } from "./new-name.ts";

const judge = (name: string): string => {
  try {
    assertNewName("userName", name);
    return "lets in";
  } catch (error) {
    return (error as Error).message;
  }
};

describe("a name in several scripts", () => {
  test.each([
    ["\u0440aypal", "Latin and Cyrillic"],
    ["\u03b1dmin", "Latin and Greek"],
    ["go\u0585gle", "Latin and Armenian"],
    ["g\u0d20\u0d20gle", "Latin and Malayalam"],
    ["\u043f\u03b1\u043f\u0430", "Cyrillic and Greek"],
    ["\u30d4\u30a2\ud30c", "Katakana and Hangul"],
  ])("is refused where one word has both, and the scripts are named: %s", (name, scripts) => {
    expect(judge(name)).toContain(`mixes letters of ${scripts} in one word`);
    expect(judge(name)).not.toContain(name);
  });

  test.each(["иван.petrov", "Ann-Мария", "CORP\\иван", "山田Taro", "박지성park", "ㄅㄆ李Li"])(
    "is let in: %s",
    (name) => {
      expect(judge(name)).toBe("lets in");
    },
  );
});

describe("a word that only looks Latin", () => {
  test.each([
    "\u0458.smith",
    "ann.\u0435\u0445",
    "mike@\u0435\u0445.test",
    "MIKE.\u0422\u041e\u041c",
    "\u03bf\u03bd.ann",
  ])("is refused beside Latin words: %s", (name) => expect(judge(name)).toContain("only looks Latin"));

  test.each(["\u043e\u0441\u0430", "\u043e\u0441\u0430@example.test", "\u0441\u043e\u0440.\u0438\u0432\u0430\u043d"])(
    "is let in by itself: %s",
    (name) => expect(judge(name)).toBe("lets in"),
  );
});

test("digits of two scripts in one word are refused, and those of one are not", () => {
  expect(judge("\u0662\u06633")).toContain("mixes digits");
  expect(judge("\u0645\u062d\u0645\u062f\u0662\u0663")).toBe("lets in");
  expect(judge("\u0645\u062d\u0645\u062f23")).toBe("lets in");
});

test("what is compared as Latin is judged as Latin: wide letters, ligatures, and marks that stand apart", () => {
  for (const name of ["\uff41\uff4e\uff4e", "\ufb01ona", "Zoe\u0308", "\u00b2nd"]) expect(judge(name)).toBe("lets in");
});

test("a script that is seldom written is let in, by itself or beside Latin words", () => {
  for (const name of ["\u13e3\u13b3\u13a9", "\u13e3\u13b3\u13a9.smith"]) expect(judge(name)).toBe("lets in");
});

test("every letter by itself is let in", () => {
  const refused: string[] = [];
  for (let code = 0; code < 0x2_0000; code += 1) {
    const letter = String.fromCodePoint(code);
    if (/\p{L}/u.test(letter) && judge(letter) !== "lets in") refused.push(code.toString(16));
  }
  expect(refused).toEqual([]);
});
