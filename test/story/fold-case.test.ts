import { foldCase as directoryFold } from "@rollcall/core/domain";
import { sql } from "@rollcall/core/store";
import { expect, test } from "vitest";
import { foldCase as guardFold } from "../../apps/guard/src/fold-case.ts";
import { openHouse } from "../harness/house.ts";
import { createTenant } from "../harness/tenant.ts";

const house = await openHouse({ without: ["worker", "publisher"] });

test("the guard folds every code point as the directory does, and folding twice changes nothing", () => {
  const unlike: string[] = [];
  for (const text of everyCharacter((character) => `a${character}b`)) {
    const folded = directoryFold(text);
    if (guardFold(text) !== folded || directoryFold(folded) !== folded) unlike.push(codeOf(text));
  }
  expect(unlike).toEqual([]);
});

test("nothing is one name here that Unicode's full case folding keeps apart, and what it joins and we do not is in ADR 21", () => {
  // Iota beneath, ß, and forms of в, д, о, с, т, ъ, ѣ and ꙋ as old books have them.
  const isKeptApart = (text: string): boolean =>
    /^[ßẞ\u1c80-\u1c88\u037a]$/u.test(text) || text.normalize("NFD").includes("\u0345");
  const [joined, unlike]: [string[], string[]] = [[], []];
  for (const text of everyCharacter((character) => character)) {
    if (/\p{C}/u.test(text)) continue;
    const [folded, full] = [directoryFold(text), fullFold(text)];
    if (fullFold(folded) !== full) joined.push(codeOf(text));
    if ((folded === full) === isKeptApart(text)) unlike.push(codeOf(text));
  }
  expect({ joined, unlike }).toEqual({ joined: [], unlike: [] });
});

test("the database folds as the application does, every character that it knows", async () => {
  const tenant = await createTenant(house);
  // What a later Unicode assigned, an older database does not know yet: there a filter may not find it in another case.
  const known = await house.database.once<{ code: number }>(
    tenant.id,
    sql`SELECT code FROM generate_series(1, 1114111) AS code
      WHERE (code < 55296 OR code > 57343) AND unicode_assigned(chr(code))`,
  );
  const texts = known.map(({ code }) => `a${String.fromCodePoint(code)}b`);
  const unlike: string[] = [];
  for (let start = 0; start < texts.length; start += 10_000) {
    const piece = texts.slice(start, start + 10_000);
    const rows = await house.database.once<{ written: string; folded: string }>(
      tenant.id,
      sql`SELECT written, rollcall_fold(written) AS folded FROM unnest(${piece}::text[]) AS written`,
    );
    unlike.push(
      ...rows.filter(({ written, folded }) => directoryFold(written) !== folded).map(({ written }) => codeOf(written)),
    );
  }
  expect(texts.length).toBeGreaterThan(100_000);
  expect(unlike).toEqual([]);
});

/** Full case folding (Unicode, CaseFolding.txt) after NFKC. To upper case and back is what it comes to, for all but two letters. */
function fullFold(text: string): string {
  const fold = (letter: string): string =>
    letter === "ı" ? letter : letter === "ẞ" ? "ss" : letter.toUpperCase().toLowerCase().replaceAll("ς", "σ");
  for (let folded = text.normalize("NFKC"); ;) {
    const next = Array.from(folded, fold).join("").normalize("NFKC");
    if (next === folded) return folded;
    folded = next;
  }
}

function* everyCharacter(textOf: (character: string) => string): Generator<string> {
  for (let code = 0; code <= 0x10ffff; code += 1)
    if (code < 0xd800 || code > 0xdfff) yield textOf(String.fromCodePoint(code));
}

/** The one that is not ours, in hexadecimal. */
function codeOf(text: string): string {
  const [character = ""] = Array.from(text).length === 1 ? [text] : Array.from(text).slice(1, -1);
  return (character.codePointAt(0) ?? 0).toString(16);
}
