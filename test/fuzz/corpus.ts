import { readdirSync } from "node:fs";
import { everything } from "./samples.ts";
import { type Exchange, type Json, readRecording } from "../wire/replay.ts";

/** What providers really send, by the reader that it is for. All of it is text, as it arrives. */
export type Corpus = {
  readonly userPatches: readonly string[];
  readonly groupPatches: readonly string[];
  readonly users: readonly string[];
  readonly groups: readonly string[];
  readonly paths: readonly string[];
  readonly filters: readonly string[];
  readonly queries: readonly string[];
  readonly searches: readonly string[];
  readonly bulks: readonly string[];
  readonly headers: readonly string[];
};

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

const names = `userName externalId active emails roles members name.givenName manager meta.created id schemas groups
  password x509Certificates addresses displayName managerId value type primary display $ref number count since blob flag
  tags badges code fixed link level given`;
const words = `Operations op path add Replace remove POST DELETE bulkId:a /Users/ failOnErrors filter= attributes= sortBy=
  true False "True" null 0 -0 1e400 1.5 9007199254740993 "2026-01-01T00:00:00Z" Bearer application/scim+json text/json
  __proto__ constructor prototype toString hasOwnProperty urn:scim:schemas:core:1.0 urn:example:fuzz:2.0:User
  ( ) [ ] ]. { } [] {} : , . = & ; + % %22 */* ;q=0 " \\ \\u0000 \\ud800 \\u0041`;

/** Pieces that mean something to one of the readers, or once did harm somewhere. */
export const dictionary: readonly string[] = [
  ...names.split(/\s+/),
  ...words.split(/\s+/),
  enterprise,
  `${enterprise}:manager`,
  " eq ",
  " ne ",
  " co ",
  " gt ",
  " pr",
  " and ",
  " or ",
  "not (",
  " ",
  "\t",
  "\n",
  "\u0000",
  "\ud800",
  "\ufeff",
  "\u202e",
  "İ",
  "ς",
  "ß",
  "ﬀ",
  "\u{1d4b3}",
  "e\u0301",
];

/** Reads the corpus from the recorded conversations, with the RFC's examples and what the recordings lack. */
export function readCorpus(): Corpus {
  const files = readdirSync(new URL("../wire", import.meta.url), { recursive: true, encoding: "utf8" });
  const requests = files
    .filter((file) => file.endsWith(".json"))
    .toSorted()
    .flatMap((file) => readRecording(file))
    .flatMap((step) => ("request" in step ? [step.request] : []));
  const patches = requests.filter(({ method }) => method === "PATCH");
  const bodies = requests.filter(({ method }) => method === "POST" || method === "PUT");
  const of = (list: readonly Exchange["request"][], collection: string): readonly string[] =>
    unique(list.filter(({ path }) => path.startsWith(collection)).flatMap(textOf));
  const queries = unique(requests.flatMap(({ path }) => path.split("?").slice(1)));
  const userPatches = [...of(patches, "/Users"), ...moreUserPatches];
  const users = [...of(bodies, "/Users"), JSON.stringify(everything)];
  const groups = of(bodies, "/Groups");
  return {
    userPatches,
    groupPatches: of(patches, "/Groups"),
    users,
    groups,
    bulks: bulksOf(userPatches, users, groups),
    paths: unique([...patches.flatMap(pathsOf), ...morePaths]),
    filters: unique([...queries.flatMap((query) => new URLSearchParams(query).getAll("filter")), ...moreFilters]),
    queries: [...queries, ...moreQueries],
    searches: moreSearches,
    headers: unique([...requests.flatMap(({ headers }) => Object.values(headers ?? {})), ...moreHeaders]),
  };
}

function textOf({ body, rawBody }: Exchange["request"]): readonly string[] {
  return rawBody !== undefined ? [rawBody] : body === undefined ? [] : [JSON.stringify(body)];
}

function pathsOf({ body }: Exchange["request"]): readonly string[] {
  const operations = (body as { readonly Operations?: Json } | undefined)?.Operations;
  const list = Array.isArray(operations) ? (operations as readonly { readonly path?: Json }[]) : [];
  return list.flatMap(({ path }) => (typeof path === "string" ? [path] : []));
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)];
}

/** One operation alone and several that refer to each other, of what the recordings hold. */
function bulksOf(
  userPatches: readonly string[],
  users: readonly string[],
  groups: readonly string[],
): readonly string[] {
  const id = "0198a000-0000-7000-8000-000000000001";
  const data = (text: string): Json => JSON.parse(text) as Json;
  const of = (method: string, path: string, more: object, texts: readonly string[]): readonly object[] =>
    texts.slice(0, 5).map((text) => ({ method, path, ...more, data: data(text) }));
  const Operations = [
    ...of("POST", "/Users", { bulkId: "ann" }, users),
    ...of("PATCH", "/Users/bulkId:ann", {}, userPatches),
    ...of("PUT", `/Groups/${id}`, { version: 'W/"1"' }, groups),
    {
      method: "POST",
      path: "/Groups",
      bulkId: "all",
      data: { displayName: "All", members: [{ value: "bulkId:ann" }] },
    },
    {
      method: "PATCH",
      path: "/Groups/bulkId:all",
      data: { Operations: [{ op: "remove", path: 'members[value eq "bulkId:ann"]' }] },
    },
    { method: "PUT", path: "/Users/bulkId:ann", data: { manager: { $ref: "../Users/bulkId:ann" } } },
    { method: "DELETE", path: `/Users/${id}` },
  ];
  return [
    ...Operations.map((operation) => JSON.stringify({ failOnErrors: 1, Operations: [operation] })),
    JSON.stringify({ Operations: Operations.slice(-4) }),
  ];
}

const moreUserPatches = [
  { op: "add", path: 'badges[level gt 1 and since lt "2027-01-01T00:00:00Z"].value', value: "x" },
  { op: "replace", path: "urn:example:fuzz:2.0:User:tags", value: ["b"] },
  { op: "remove", path: "urn:example:fuzz:2.0:User:tags", value: ["a"] },
  { op: "replace", value: { "urn:example:fuzz:2.0:User": { count: 8, flag: "False", link: "u-2" } } },
  { op: "add", path: 'urn:example:fuzz:2.0:User:badges[value eq "b"]', value: { level: 4 } },
  { op: "replace", path: 'emails[not (type pr) or (value ew "org" and primary ne true)].display', value: "Babs" },
].map((operation) => JSON.stringify({ Operations: [operation] }));

const morePaths = [
  "members",
  "name.familyName",
  'addresses[type eq "work"]',
  'members[value eq"2819c223...919d-413861904646"]',
  'emails[type eq "work" and value ew "example.com"]',
  `${enterprise}:manager.value`,
  "urn:example:fuzz:2.0:User:badges[level ge 2 or not (value pr)].since",
  "urn:ietf:params:scim:schemas:core:2.0:User:name.givenName",
];

const moreFilters = [
  'title pr and userType eq "Employee"',
  'userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")',
  'emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]',
  'meta.lastModified gt "2011-05-13T04:42:34Z"',
  `${enterprise}:manager.value eq "26118915" or manager eq null`,
  'urn:example:fuzz:2.0:User:badges[level ge 2].value sw "b" and count lt 9',
  'members[value eq "u-1" or value eq "u-2"]',
  "externalId eq jyoung",
  'userName eq"bjensen"',
];

const moreQueries = [
  "attributes=userName,emails.value&excludedAttributes=groups",
  "startIndex=-1&count=1000&sortBy=name.familyName&sortOrder=descending",
  "filter=&count=&attributes=,,",
  "cursor=abc&count=0",
  "filter=a&filter=b",
];

const moreSearches = [
  { schemas: ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], attributes: ["displayName", "userName"] },
  { filter: 'displayName sw "smith"', startIndex: 1, count: 10, sortBy: "emails", sortOrder: "ascending" },
  { excludedAttributes: ["groups"], cursor: "", count: 0 },
].map((body) => JSON.stringify(body));

const moreHeaders = [
  "Bearer rc_scim_abc.def~ghi+jkl/mno==",
  "bearer  x",
  "application/scim+json; charset=utf-8",
  'application/json;profile="a b";q=1',
  "text/json",
  "text/html;q=0.5, application/*;q=0.1, */*;q=0",
  'W/"7"',
  'W/"1", "2-abc" , W/"7"',
];
