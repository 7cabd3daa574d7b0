import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { readReference, referencesIn } from "./bulk-references.ts";
import { requireMessage } from "./message-schema.ts";
import { isArray } from "./same-json.ts";

/** How many operations one Bulk may hold, and how many bytes (RFC 7644 §3.7.4). */
export const bulkOperationsMax = 1000;
export const bulkBytesMax = 1024 * 1024;

const methods = ["POST", "PUT", "PATCH", "DELETE"] as const;
export type BulkMethod = (typeof methods)[number];

/** One operation that can be tried: a request to a resource type, or to one resource of it. */
export type BulkOperation = {
  readonly method: BulkMethod;
  readonly bulkId: string | undefined;
  /** The ETag that the resource must still have. */
  readonly version: string | undefined;
  /** The resource type's endpoint, such as `Users`. */
  readonly type: string;
  /** An id, or a reference to a resource that another operation creates; undefined for a POST. */
  readonly id: string | undefined;
  readonly data: Json | undefined;
  /** Every bulkId that the path and the data refer to. */
  readonly refersTo: ReadonlySet<string>;
};

/** One operation that cannot even be tried, with what can be repeated of it. */
export type UnreadOperation = {
  readonly refusal: DirectoryError;
  readonly method: string | undefined;
  readonly bulkId: string | undefined;
};

export type BulkRequest = {
  /** After how many errors to stop; undefined to try everything. */
  readonly errorsMax: number | undefined;
  readonly operations: readonly (BulkOperation | UnreadOperation)[];
};

const bulkIdLengthMax = 255;
const versionLengthMax = 255;
// A resource's path and nothing but: no query, no encoding, no `.` or `..`, so that it cannot mean another one.
const resourcePath = /^\/?(?<type>[A-Za-z][A-Za-z0-9]*)(?:\/(?!\.{1,2}\/?$)(?<id>[\w.~:@+-]{1,300}))?\/?$/;
// What is no resource type, whatever answers there.
const notTypes: ReadonlySet<string> = new Set(["bulk", "me"]);

/**
 * Reads a Bulk (RFC 7644 §3.7). What is wrong with one operation is kept with it and spoils no other;
 * what is wrong with the whole throws, and nothing of it is done.
 */
export function readBulkRequest(body: Json | undefined): BulkRequest {
  if (!isObject(body)) throw new DirectoryError("syntax_invalid", "body must be a JSON object");
  requireMessage(member(body, "schemas"), "BulkRequest");
  const operations = member(body, "operations");
  if (!isArray(operations) || operations.length === 0) {
    throw new DirectoryError("syntax_invalid", "Operations must be an array with at least one operation");
  }
  if (operations.length > bulkOperationsMax) {
    throw new DirectoryError(
      "body_too_large",
      `a Bulk may hold at most ${bulkOperationsMax} operations (maxOperations)`,
    );
  }
  const read = operations.map(readOperation);
  const repeated = repeatedIds(read);
  return {
    errorsMax: readErrorsMax(member(body, "failonerrors")),
    operations: read.map((operation) =>
      !("refusal" in operation) && isRepeated(operation, repeated) ? ambiguous(operation) : operation,
    ),
  };
}

function readErrorsMax(value: Json | undefined): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1) return value;
  throw new DirectoryError("value_invalid", "failOnErrors must be a whole number from 1");
}

function readOperation(operation: Json): BulkOperation | UnreadOperation {
  const written = isObject(operation) ? operation : {};
  const method = stringOf(member(written, "method"))?.toUpperCase();
  const bulkId = stringOf(member(written, "bulkid"));
  try {
    if (!isObject(operation)) throw new DirectoryError("syntax_invalid", "an operation must be an object");
    return { ...readRequest(operation, method), bulkId: readBulkId(member(operation, "bulkid")) };
  } catch (error) {
    if (error instanceof DirectoryError) return { refusal: error, method, bulkId };
    throw error;
  }
}

function readRequest(operation: JsonObject, written: string | undefined): Omit<BulkOperation, "bulkId"> {
  const method = methods.find((known) => known === written);
  if (method === undefined) {
    throw new DirectoryError("value_invalid", "method must be POST, PUT, PATCH or DELETE");
  }
  const { type, id } = readPath(method, member(operation, "path"));
  const version = member(operation, "version") ?? undefined;
  if (version !== undefined && (typeof version !== "string" || version.length > versionLengthMax)) {
    throw new DirectoryError("value_invalid", "version must be an ETag");
  }
  const data = member(operation, "data") ?? undefined;
  if (method !== "DELETE" && !isObject(data)) {
    throw new DirectoryError("syntax_invalid", `${method} needs data, an object`);
  }
  const sent = method === "DELETE" ? undefined : data;
  const reference = readReference(id ?? "");
  const refersTo = new Set([...(reference === undefined ? [] : [reference]), ...referencesIn(sent)]);
  return { method, type, id, version: method === "POST" ? undefined : version, data: sent, refersTo };
}

function readPath(
  method: BulkMethod,
  path: Json | undefined,
): { readonly type: string; readonly id: string | undefined } {
  const { type, id } = (typeof path === "string" ? resourcePath.exec(path)?.groups : undefined) ?? {};
  if (type === undefined || notTypes.has(type.toLowerCase()) || (method === "POST") !== (id === undefined)) {
    throw new DirectoryError(
      "path_invalid",
      method === "POST"
        ? "path must name a resource type, such as /Users"
        : "path must name one resource, such as /Users/{id}",
    );
  }
  return { type, id };
}

function readBulkId(bulkId: Json | undefined): string | undefined {
  if (bulkId === undefined || bulkId === null) return undefined;
  if (typeof bulkId === "string" && bulkId !== "" && bulkId.length <= bulkIdLengthMax) return bulkId;
  throw new DirectoryError("value_invalid", `bulkId must be a string of at most ${bulkIdLengthMax} characters`);
}

// RFC 7644 §3.7: unique within the request. Whom a reference means that two answer to, nobody knows,
// and guessing could put a stranger into a group.
function repeatedIds(operations: readonly (BulkOperation | UnreadOperation)[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const { method, bulkId } of operations) {
    if (method !== "POST" || bulkId === undefined) continue;
    if (seen.has(bulkId)) repeated.add(bulkId);
    seen.add(bulkId);
  }
  return repeated;
}

function isRepeated({ method, bulkId, id }: BulkOperation, repeated: ReadonlySet<string>): boolean {
  const named = method === "POST" ? bulkId : readReference(id ?? "");
  return named !== undefined && repeated.has(named);
}

function ambiguous({ method, bulkId }: BulkOperation): UnreadOperation {
  const refusal = new DirectoryError("value_invalid", "bulkId is given to more than one operation");
  return { refusal, method, bulkId };
}

function stringOf(value: Json | undefined): string | undefined {
  return typeof value === "string" && value.length <= bulkIdLengthMax ? value : undefined;
}

function member(object: JsonObject, lowerName: string): Json | undefined {
  const name = Object.keys(object).find((candidate) => candidate.toLowerCase() === lowerName);
  return name === undefined ? undefined : object[name];
}
