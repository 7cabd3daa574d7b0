import { DirectoryError } from "./directory-error.ts";

/** Whether a connection lets names in that may look like others. */
export type LookAlikeNames = "refuse" | "permit";

const plain = /^[ -~]*$/;
// Of a character that is assigned one day nobody knows today how it will fold: two keys could become one.
const unassigned = /\p{Cn}/u;

/**
 * Holds a name that is about to be taken to more than one that is there already: throws `value_invalid`
 * where it has characters that Unicode does not know, or may be taken for another name (UTS #39): a
 * word in letters of several scripts, or one whose every letter looks Latin beside words that are.
 */
export function assertNewName(attribute: string, name: string, lookAlikes: LookAlikeNames = "refuse"): void {
  if (plain.test(name)) return;
  if (unassigned.test(name))
    throw new DirectoryError("value_invalid", `${attribute} contains a character that Unicode does not know`);
  if (lookAlikes === "permit") return;
  const problem = lookAlikeProblem(name);
  if (problem !== undefined) throw new DirectoryError("value_invalid", `${attribute} ${problem}`);
}

// UAX #31, table 5: the scripts that people write names in today, the frequent ones first.
const scripts = [
  "Latin",
  "Cyrillic",
  "Han",
  "Hiragana",
  "Katakana",
  "Hangul",
  "Arabic",
  "Greek",
  "Hebrew",
  "Thai",
  "Devanagari",
  "Armenian",
  "Bengali",
  "Bopomofo",
  "Ethiopic",
  "Georgian",
  "Gujarati",
  "Gurmukhi",
  "Kannada",
  "Khmer",
  "Lao",
  "Malayalam",
  "Myanmar",
  "Oriya",
  "Sinhala",
  "Tamil",
  "Telugu",
  "Thaana",
  "Tibetan",
] as const;
type Script = (typeof scripts)[number];

// What is written together every day (UTS #39 §5.2, "highly restrictive"): Japanese, Chinese and Korean beside Latin.
const together: readonly (readonly Script[])[] = [
  ["Latin", "Han", "Hiragana", "Katakana"],
  ["Latin", "Han", "Hangul"],
  ["Latin", "Han", "Bopomofo"],
];

const classOf = (members: readonly Script[]): string => members.map((script) => `\\p{scx=${script}}`).join("");
// Digits, marks and signs that belong to no script alone. A mark that several scripts share is told by its own property.
const shared = String.raw`\p{scx=Common}\p{scx=Inherited}\p{sc=Inherited}`;
const repertoires: readonly RegExp[] = [
  ...[...scripts.map((script) => [script]), ...together].map(
    (members) => new RegExp(`^[${shared}${classOf(members)}]*$`, "u"),
  ),
  // Scripts that are seldom or no longer written: of a name in one of them nothing is known, so nothing is refused.
  new RegExp(`^(?:[${shared}]|[^${classOf(scripts)}])*$`, "u"),
];
const letterOf: ReadonlyMap<Script, RegExp> = new Map(
  scripts.map((script) => [script, new RegExp(`(?![${shared}])\\p{scx=${script}}`, "u")]),
);

const breaks = /[^\p{L}\p{M}\p{N}]+/u;
// Letters of Cyrillic, Greek and Armenian that look like a Latin letter (UTS #39, confusables.txt), as they are written.
const latinLooking = /^[\p{N}аеорсухѕіјһԁԛԝӏүѵгАВЕЅІЈКМНОРСТУХҮԌΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορστυχօսոհցզյ]+$/u;

function lookAlikeProblem(name: string): string | undefined {
  const composed = name.normalize("NFKC");
  for (const part of partsOf(composed)) {
    const words = part.split(breaks).filter((word) => word !== "");
    const mixed = words.find((word) => !repertoires.some((repertoire) => repertoire.test(word)));
    if (mixed !== undefined)
      return `mixes letters of ${scriptsOf(mixed).join(" and ")} in one word, so that it may look like another name; write each word in one script`;
    if (words.some(hasMixedDigits))
      return "mixes digits of several scripts in one word, so that it may look like another name; write them in one";
    if (words.some(isLatin) && words.some((word) => !isLatin(word) && looksLatin(word)))
      return "has a word that only looks Latin beside words that are, so that it may look like another name; write both in one script";
  }
  return undefined;
}

/** Before and behind the `@` of what looks like an e-mail address: each is a name of its own. */
function partsOf(name: string): readonly string[] {
  const at = name.lastIndexOf("@");
  return at === -1 ? [name] : [name.slice(0, at), name.slice(at + 1)];
}

function scriptsOf(word: string): readonly string[] {
  return scripts.filter((script) => letterOf.get(script)?.test(word));
}

function isLatin(word: string): boolean {
  return letterOf.get("Latin")?.test(word) === true;
}

function looksLatin(word: string): boolean {
  const bare = word.normalize("NFD").replace(/\p{M}/gu, "");
  return /\p{L}/u.test(bare) && latinLooking.test(bare);
}

/** The ten digits of a script stand in a row, so two that are further apart are of two. */
function hasMixedDigits(word: string): boolean {
  const digits = Array.from(word.matchAll(/\p{Nd}/gu), ([digit]) => digit.codePointAt(0) ?? 0);
  return digits.length > 1 && Math.max(...digits) - Math.min(...digits) > 9;
}
