import { lengthMax } from "./mutation.ts";
import { problemOf } from "./shortest.ts";
import { busiestTurn, outcomeOf, type Target } from "./targets.ts";

/** How long a reader takes for one shape of input, and how that grows. */
export type Growth = {
  readonly shape: string;
  /** For 8 KiB, the least of repeated readings. */
  readonly ms: number;
  /** How much longer 32 KiB take than 2 KiB: 16 times where time grows with the length, 256 times with its square. */
  readonly ratio: number;
  /** What is wrong; undefined where nothing is. */
  readonly problem: string | undefined;
};

/** What no 8 KiB may take, in milliseconds, on a machine that does nothing else; `--ms-max` says more for one that does. */
export const allowed = { ms: 5 };
/** Much more than linear, for machines have caches and collect garbage, and much less than the square. */
const ratioMax = 96;
// Below this it does not matter how 32 KiB compare with 2.
const msWorthComparing = 1;
const repeats = 9;
// A reader that takes as long as this need not be asked nine times.
const patienceMs = 250;

/** Measures a reader on inputs that were made to be slow. What looks bad is measured again: it may have been the machine. */
export function measureGrowth(target: Target): readonly Growth[] {
  return hostileShapes(target).map(([shape, make]) => {
    const inputs = [make(lengthMax / 4), make(lengthMax), make(lengthMax * 4)] as const;
    const wrong = inputs.map((input) => problemOf(target, input, busiestTurn)).find((problem) => problem !== undefined);
    if (wrong !== undefined) return { shape, ms: 0, ratio: 0, problem: wrong };

    let growth = growthOf(target, inputs);
    for (let again = 0; again < 3 && complaintOf(growth) !== undefined; again += 1) {
      const { ms, ratio } = growthOf(target, inputs);
      growth = { ms: Math.min(ms, growth.ms), ratio: Math.min(ratio, growth.ratio) };
    }
    return { shape, ...growth, problem: complaintOf(growth) };
  });
}

type Times = Pick<Growth, "ms" | "ratio">;

function growthOf(target: Target, [short, usual, long]: readonly [string, string, string]): Times {
  const ms = leastMs(target, usual);
  if (ms > allowed.ms) return { ms, ratio: 0 };
  const [shortMs, longMs] = [leastMs(target, short), leastMs(target, long)];
  return { ms, ratio: longMs < msWorthComparing ? 0 : longMs / shortMs };
}

/** Why the time is a finding; undefined where it is none. */
export function complaintOf({ ms, ratio }: Times): string | undefined {
  if (ms > allowed.ms) return `takes ${ms.toFixed(1)} ms for 8 KiB`;
  return ratio > ratioMax ? `takes ${ratio.toFixed(1)} times as long for sixteen times as much` : undefined;
}

/** The least of several readings' times: what else the machine does can only have added to the others. */
export function leastMs(target: Target, input: string): number {
  let [least, spent] = [Number.POSITIVE_INFINITY, 0];
  for (let left = repeats; left > 0 && spent < patienceMs; left -= 1) {
    const began = performance.now();
    outcomeOf(target, input, busiestTurn);
    const ms = performance.now() - began;
    least = Math.min(least, ms);
    spent += ms;
  }
  return least;
}

type Shape = readonly [name: string, make: (length: number) => string];

function hostileShapes({ shape, name }: Target): readonly Shape[] {
  const plain: readonly Shape[] = [...units.map(repetition), ...names.map(aroundRepetition)];
  if (shape === "text") return [...plain, ...longFilters(name)];
  return [...plain, ...bodies];
}

const units: readonly string[] = [
  "(",
  "[",
  "{",
  '"',
  "\\",
  ".",
  ":",
  ",",
  " ",
  "\t",
  "=",
  "&",
  "%",
  "%2",
  ";",
  "a",
  "é",
  "\u{1f600}",
  "\u0000",
  "not(",
  "not (",
  "a[",
  '{"a":',
  '[{"a":',
  '"\\"',
  '"a" ',
  "a.",
  "a:",
  "urn:",
  "a eq ",
  "type pr or ",
  "type pr and ",
  "urn:ietf:params:scim:schemas:core:2.0:User:",
  "a=b&",
  "filter=a&",
  "a,",
  ";a=b",
  '; a="b" ',
  "*/*,",
  "=;",
  "\u0301",
];

function repetition(unit: string): Shape {
  return [
    `${JSON.stringify(unit)} over and over`,
    (length) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length),
  ];
}

const names: readonly string[] = [
  'userName eq "',
  "emails[type eq ",
  "filter=userName eq ",
  "attributes=",
  "sortBy=",
  "Bearer ",
  "application/json",
  "application/json; ",
  'application/json; a="',
  "emails",
];

// A long run, and then what must not be there: where a pattern tries its way back through all of it.
function aroundRepetition(before: string): Shape {
  return [`${JSON.stringify(before)}, white space and an end`, (length) => `${before}${" ".repeat(length)}!`];
}

function longFilters(name: string): readonly Shape[] {
  if (name === "headers") return [];
  const [before, after] = name === "path" ? ["emails[", "].display"] : name === "query" ? ["filter=", ""] : ["", ""];
  const path = name === "path" ? "value" : "emails.value";
  return ['co "example.com!"', 'eq "a"', 'ew "İ"', "pr"].map((rest) => [
    `a hundred terms of ${rest}`,
    (length) => {
      const term = `${path} ${rest} or `;
      return `${before}${term.repeat(Math.min(98, Math.floor(length / term.length)))}${path} pr${after}`;
    },
  ]);
}

const binary = "x509Certificates";
const bodies: readonly Shape[] = [
  ...["userName", "displayName", "active", "externalId", "profileUrl", "op", "path", "__proto__"].map(valued),
  ...[" ", "A", "-", "=", "A ", "2026-01-01T00:00:00Z"].map((unit): Shape => [
    `a certificate of ${JSON.stringify(unit)}`,
    (length) =>
      bodyOf({ [binary]: [{ value: `${unit.repeat(Math.ceil(length / unit.length)).slice(0, length / 3)}!` }] }),
  ]),
  ["many names", (length) => bodyOf(Object.fromEntries(counted(length / 36).map((at) => [`name${at}`, 1])))],
  ["many values", (length) => bodyOf({ emails: counted(length / 66).map((at) => ({ value: `v${at}` })) })],
  ["many members", (length) => bodyOf({ members: counted(length / 66).map((at) => ({ value: `v${at}` })) })],
  ["many operations", (length) => operationsOf(length, { op: "add", path: "title", value: "x" })],
  [
    "many elements written",
    (length) => operationsOf(length, { op: "add", path: 'emails[type eq "İ"].display', value: "x" }),
  ],
  ["many elements added", (length) => operationsOf(length, { op: "add", path: "emails", value: strangers })],
  ["many elements removed", (length) => operationsOf(length, { op: "remove", path: "emails", value: strangers })],
  [
    "many long filters",
    (length) => operationsOf(length, { op: "replace", path: `emails[${longCondition}].display`, value: "x" }),
  ],
  ["many members by filter", (length) => operationsOf(length, { op: "remove", path: `members[${selectedMembers}]` })],
];

const strangers = counted(100).map((at) => ({ value: `${at}` }));
const longCondition = `${'display co "İ" or '.repeat(97)}display pr`;
const selectedMembers = counted(50)
  .map((at) => `value eq "${at}"`)
  .join(" or ");

function valued(name: string): Shape {
  return [`a long ${name}`, (length) => bodyOf({ [name]: "İ".repeat(length / 6) })];
}

// One body that is a user's, a group's, a search's, a PATCH's and a Bulk's at once, and so three times as long.
function bodyOf(attributes: Readonly<Record<string, unknown>>): string {
  const Operations = [{ op: "replace", value: attributes, method: "POST", path: undefined, data: attributes }];
  return JSON.stringify({ userName: "ann@ex.test", displayName: "Ann", ...attributes, Operations });
}

function operationsOf(length: number, operation: Readonly<Record<string, unknown>>): string {
  const size = JSON.stringify(operation).length + 1;
  return JSON.stringify({ Operations: counted(Math.max(1, length / size)).map(() => operation) });
}

function counted(count: number): readonly number[] {
  return Array.from({ length: Math.floor(count) }, (_none, at) => at);
}
