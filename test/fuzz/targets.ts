import assert from "node:assert/strict";
import { parse as parseQuery } from "node:querystring";
import {
  type DialectProfile,
  dialectProfiles,
  DirectoryError,
  type GroupAttributes,
  type Json,
  type JsonObject,
  type UserAttributes,
} from "@rollcall/core/domain";
import { filterSql } from "../../apps/core/src/store/directory-filter.ts";
import { acceptedType } from "../../apps/ingest/src/scim/accept.ts";
import { pageSizeMax } from "../../apps/ingest/src/scim/discovery.ts";
import { orderUnits } from "../../apps/ingest/src/scim/bulk-order.ts";
import { replaceReferences } from "../../apps/ingest/src/scim/bulk-references.ts";
import { readBulkRequest } from "../../apps/ingest/src/scim/bulk-request.ts";
import { readChanges } from "../../apps/ingest/src/scim/dialect.ts";
import { elementTest } from "../../apps/ingest/src/scim/element-filter.ts";
import { parseFilter } from "../../apps/ingest/src/scim/filter.ts";
import { readGroupBody } from "../../apps/ingest/src/scim/group-body.ts";
import { readMemberChanges } from "../../apps/ingest/src/scim/group-members.ts";
import { planGroupPatch } from "../../apps/ingest/src/scim/group-patch.ts";
import { parseJson, readJson } from "../../apps/ingest/src/scim/json-text.ts";
import {
  type ListParameters,
  type Query,
  readQuery,
  readSearchRequest,
} from "../../apps/ingest/src/scim/list-parameters.ts";
import { readListRequest } from "../../apps/ingest/src/scim/list-request.ts";
import { parsePath } from "../../apps/ingest/src/scim/path.ts";
import { isKnown } from "../../apps/ingest/src/scim/precondition.ts";
import { bearerToken, isJsonMediaType } from "../../apps/ingest/src/scim/request-headers.ts";
import { reword } from "../../apps/ingest/src/scim/reword.ts";
import { sameJson } from "../../apps/ingest/src/scim/same-json.ts";
import { listenTo } from "../../apps/ingest/src/scim/speaker.ts";
import { unknownNames } from "../../apps/ingest/src/scim/unknown-names.ts";
import { readUserBody } from "../../apps/ingest/src/scim/user-body.ts";
import { applyUserPatch } from "../../apps/ingest/src/scim/user-patch.ts";
import type { Corpus } from "./corpus.ts";
import { printFilter, printPath } from "./print.ts";
import {
  fuzzGroupSchema,
  fuzzUserSchema,
  groupSample,
  shownGroup,
  shownUser,
  shownUsers,
  userSamples,
} from "./samples.ts";

/** One reader: what it is fed with, and what must hold of whatever it makes of it. */
export type Target = {
  readonly name: string;
  readonly seeds: readonly string[];
  /** How inputs are changed: by the structure of JSON, as text, or as bytes of which each character is one. */
  readonly shape: "json" | "text" | "bytes";
  /**
   * Reads an input and answers in a few words what came of it. A refusal is a `DirectoryError`;
   * anything else that is thrown is a finding. `turn` chooses among senders and resources.
   */
  read(input: string, turn: number): string;
};

const id = "0198a000-0000-7000-8000-000000000001";
const profiles: readonly DialectProfile[] = Object.values(dialectProfiles);
const shownSales = shownGroup(groupSample);

/** The turn of the resource with the most values, and of a sender who is granted the most. */
export const busiestTurn = Array.from({ length: userSamples.length * profiles.length }).findIndex(
  (_none, turn) => at(userSamples, turn) === userSamples.at(-1) && at(profiles, turn) === dialectProfiles.scim,
);

export function createTargets(corpus: Corpus): readonly Target[] {
  return [
    { name: "json", seeds: [...corpus.userPatches, ...corpus.users], shape: "bytes", read: readJsonText },
    { name: "user patch", seeds: corpus.userPatches, shape: "json", read: readUserPatch },
    { name: "group patch", seeds: corpus.groupPatches, shape: "json", read: readGroupPatch },
    { name: "user body", seeds: corpus.users, shape: "json", read: readUser },
    { name: "group body", seeds: corpus.groups, shape: "json", read: readGroup },
    { name: "bulk body", seeds: corpus.bulks, shape: "json", read: readBulk },
    { name: "path", seeds: corpus.paths, shape: "text", read: readPath },
    { name: "filter", seeds: corpus.filters, shape: "text", read: readFilter },
    { name: "query", seeds: corpus.queries, shape: "text", read: readList },
    { name: "search body", seeds: corpus.searches, shape: "json", read: readSearch },
    { name: "headers", seeds: corpus.headers, shape: "text", read: readHeaders },
  ];
}

function readJsonText(input: string): string {
  const bytes = Buffer.from(input, "latin1");
  const json = parseJson(bytes);
  const text = JSON.stringify(json);
  assert.ok(sameJson(json, JSON.parse(new TextDecoder().decode(bytes)) as Json), "reads what JSON.parse reads");
  parseJson(Buffer.from(text));
  return `read ${Array.isArray(json) ? "array" : typeof json}`;
}

function readUserPatch(input: string, turn: number): string {
  const profile = at(profiles, turn);
  const held = at(userSamples, turn);
  const { speaker, names } = listenTo(profile);
  const changes = readChanges(fuzzUserSchema, id, reword(profile, parseJson(Buffer.from(input))), undefined, speaker);
  const after = applyUserPatch(held, changes);
  checkUser(after);
  return `${changes
    .map(({ kind, target }) => `${kind}${target.filter === undefined ? "" : "["}`)
    .join(" ")
    .slice(0, 30)} ${Math.min(3, names.length)} ${after === held}`;
}

function readGroupPatch(input: string, turn: number): string {
  const profile = at(profiles, turn);
  const { speaker } = listenTo(profile);
  const body = reword(profile, parseJson(Buffer.from(input)));
  const changes = readChanges(fuzzGroupSchema, id, body, readMemberChanges, speaker);
  const { attributes, members } = planGroupPatch(changes);
  const after = attributes(groupSample);
  const empties = members.some(({ kind, values }) => kind === "replace" && values.length === 0);
  // RFC 7644 §3.5.2.2 where the profile permits it; else nobody is removed who is not named.
  const isSaid = /"(?:replace|add)"/i.test(input) && /\[\s*\]/.test(input);
  assert.ok(
    !empties || isSaid || profile.removeAllMembers === "permit" || /members/i.test(input),
    "empties a group only where asked",
  );
  for (const value of members.flatMap(({ values }) => values)) assert.ok(value !== "", "every member has a name");
  if (after !== undefined) checkGroup(after);
  return members
    .map(({ kind, values }) => `${kind}${Math.min(3, values.length)}`)
    .join(" ")
    .slice(0, 30);
}

function readUser(input: string, turn: number): string {
  const body = reword(at(profiles, turn), parseJson(Buffer.from(input)));
  unknownNames(fuzzUserSchema, body);
  const attributes = readUserBody(fuzzUserSchema, body);
  checkUser(attributes);
  return Object.keys(attributes).toSorted().join(" ").slice(0, 60);
}

function readGroup(input: string, turn: number): string {
  const body = reword(at(profiles, turn), parseJson(Buffer.from(input)));
  unknownNames(fuzzGroupSchema, body);
  const { attributes, members } = readGroupBody(fuzzGroupSchema, body);
  checkGroup(attributes);
  return `${Object.keys(attributes).toSorted().join(" ").slice(0, 60)} ${Math.min(3, members?.length ?? -1)}`;
}

function readBulk(input: string): string {
  const { operations } = readBulkRequest(readJson(Buffer.from(input)));
  const readable = operations.map((one) => ("refusal" in one ? undefined : one));
  const units = orderUnits(readable);
  const places = units.flatMap(({ members }) => members).toSorted((left, right) => left - right);
  assert.deepEqual(places, [...operations.keys()], "does every operation once");
  for (const { data } of readable.filter((one) => one !== undefined)) {
    if (data === undefined) continue;
    const told = replaceReferences(data, (bulkId) => (bulkId.length % 2 === 0 ? "told" : undefined));
    assert.equal(depthOf(told), depthOf(data), "says nothing else where it names somebody");
  }
  return operations
    .map((one) => ("refusal" in one ? one.refusal.code : `${one.method} ${one.type}`))
    .join(" ")
    .slice(0, 60);
}

function depthOf(json: Json): number {
  return typeof json === "object" && json !== null ? 1 + Math.max(0, ...Object.values(json).map(depthOf)) : 0;
}

function readPath(input: string, turn: number): string {
  const schema = turn % 4 === 0 ? fuzzGroupSchema : fuzzUserSchema;
  const path = parsePath(schema, input);
  if (path === undefined) return "unknown";
  const again = parsePath(schema, printPath(path));
  assert.deepEqual(again?.attribute?.name, path.attribute?.name, "leads to the same attribute when it is printed");
  if (path.attribute === undefined || again?.attribute === undefined) return "schema";
  assert.equal(again.sub, path.sub, "leads to the same part when it is printed");
  assert.deepEqual(again.filter, path.filter, "selects the same when it is printed");
  if (path.filter === undefined) return path.sub === undefined ? "attribute" : "part";
  const test = elementTest(path.filter);
  const found = elements.map((element) => (test(element) ? 1 : 0)).join("");
  return `${path.attribute.name}[${path.filter.kind}]${path.sub === undefined ? "" : ".part"} ${found}`;
}

const elements: readonly Json[] = userSamples.flatMap((user) => (user["emails"] ?? []) as readonly Json[]).slice(0, 4);

function readFilter(input: string, turn: number): string {
  const [schema, kind] = turn % 4 === 0 ? ([fuzzGroupSchema, "Group"] as const) : ([fuzzUserSchema, "User"] as const);
  const filter = parseFilter(schema, input);
  assert.deepEqual(parseFilter(schema, printFilter(filter)), filter, "means the same when it is printed");
  const { parts, values } = filterSql(filter, { kind, connectionId: id, base: "https://rollcall.test" });
  assert.equal(parts.length, values.length + 1, "has one value between every two parts");
  return `${filter.kind} ${values.length}`;
}

function readList(input: string, turn: number): string {
  return checkList(readQuery(parseQuery(input) as Query), turn);
}

function readSearch(input: string, turn: number): string {
  return checkList(readSearchRequest(parseJson(Buffer.from(input))), turn);
}

function checkList(parameters: ListParameters, turn: number): string {
  const schemas = [[fuzzUserSchema], [fuzzGroupSchema], [fuzzUserSchema, fuzzGroupSchema]][turn % 3] ?? [];
  const { listing, page, projections } = readListRequest(schemas, parameters, "https://rollcall.test");
  assert.ok(page.count >= 0 && page.count <= pageSizeMax, "a page has a limit");
  const resources: ReadonlyMap<string, JsonObject> = new Map([
    ["User", at(shownUsers, turn)],
    ["Group", shownSales],
  ]);
  const seen = [...projections].map(([kind, projection]) => {
    const resource = resources.get(kind) ?? {};
    const shown = projection.apply(resource);
    for (const name of Object.keys(shown)) assert.ok(Object.hasOwn(resource, name), "shows nothing that is not there");
    assert.equal(shown["id"], resource["id"], "always shows the id (RFC 7643 §7)");
    return Object.keys(shown).length;
  });
  return `${listing.parts.map(({ filter }) => filter?.kind).join(" ")} ${page.by} ${listing.sort?.as} ${seen.join(" ")}`;
}

const bearerCharacters = /^[\w.~+/-]+=*$/;

function readHeaders(input: string): string {
  const token = bearerToken(input);
  assert.ok(token === undefined || (bearerCharacters.test(token) && input.endsWith(token)), "a token is a token");
  const [strict, lenient] = [
    isJsonMediaType(input, { textJson: "refuse" }),
    isJsonMediaType(input, { textJson: "permit" }),
  ];
  assert.ok(!strict || lenient, "who permits more refuses less");
  assert.ok(!lenient || /^(?:application\/(?:scim\+)?json|text\/json)/i.test(input), "a body is JSON");
  const known = isKnown(input, 'W/"7"');
  assert.ok(!known || input.includes('"7"') || input.includes("*"), "a version is known by its name");
  return `${token === undefined} ${strict} ${lenient} ${known} ${acceptedType(input)}`;
}

function checkUser(attributes: UserAttributes): void {
  for (const name of Object.keys(attributes)) assert.ok(known.has(name), "keeps only what the schema knows");
  for (const value of Object.values(attributes)) {
    if (!Array.isArray(value)) continue;
    const list = value as readonly JsonObject[];
    assert.ok(list.length > 0 && list.length <= 100, "an attribute has some values and not too many");
    assert.ok(list.filter(({ primary }) => primary === true).length <= 1, "at most one value is primary");
  }
  const read = readUserBody(fuzzUserSchema, shownUser(attributes));
  assert.ok(sameJson(read, attributes), "says the same when what is shown of it is read");
}

function checkGroup(attributes: GroupAttributes): void {
  const read = readGroupBody(fuzzGroupSchema, shownGroup(attributes));
  assert.ok(sameJson(read.attributes, attributes), "says the same when what is shown of it is read");
}

const known: ReadonlySet<string> = new Set([
  ...[...fuzzUserSchema.core.attributes.values()].map(({ name }) => name),
  ...fuzzUserSchema.extensions.map(({ urn }) => urn),
]);

/** The outcome of an input in few enough words that many inputs share it; throws what is a finding. */
export function outcomeOf(target: Target, input: string, turn: number): string {
  try {
    return target.read(input, turn);
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
    return `${error.code} ${error.message.replaceAll(/"[^"]*"|\d+/g, "").slice(0, 60)}`;
  }
}

function at<Item>(items: readonly Item[], turn: number): Item {
  return items[turn % items.length] as Item;
}
