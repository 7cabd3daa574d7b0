import { DirectoryError, isObject, type Json, type JsonObject } from "@rollcall/core/domain";
import { refuseUnsafe } from "./json-text.ts";
import { isArray } from "./same-json.ts";

/** One entry of `Operations`, its verb in the RFC's spelling; path and value are still the sender's. */
export type WrittenOperation = {
  readonly kind: "add" | "replace" | "remove";
  readonly path: string | undefined;
  /** Undefined where the sender gave none, which null is not. */
  readonly value: Json | undefined;
};

/** How many operations one PATCH may hold. */
const operationsMax = 1000;

/** Reads the envelope of a PATCH (RFC 7644 §3.5.2): names and verbs in any case, `schemas` not insisted on. */
export function readPatchRequest(body: Json | undefined): readonly WrittenOperation[] {
  if (!isObject(body)) throw new DirectoryError("syntax_invalid", "body must be a JSON object");
  refuseUnsafe(body);
  const operations = member(body, "operations");
  if (!isArray(operations) || operations.length === 0) {
    throw new DirectoryError("syntax_invalid", "Operations must be an array with at least one operation");
  }
  if (operations.length > operationsMax) {
    throw new DirectoryError("too_many", `a PATCH may hold at most ${operationsMax} operations`);
  }
  return operations.map(readOperation);
}

function readOperation(operation: Json): WrittenOperation {
  if (!isObject(operation)) throw new DirectoryError("syntax_invalid", "an operation must be an object");
  const op = member(operation, "op");
  const kind = typeof op === "string" ? op.toLowerCase() : undefined;
  if (kind !== "add" && kind !== "replace" && kind !== "remove") {
    throw new DirectoryError("syntax_invalid", 'op must be "add", "replace" or "remove"');
  }

  const path = member(operation, "path");
  if (path !== undefined && path !== null && typeof path !== "string") {
    throw new DirectoryError("path_invalid", "path must be a string");
  }
  const value = member(operation, "value");
  const named = typeof path === "string" && path.trim() !== "" ? path : undefined;
  if (named === undefined && kind === "remove") {
    throw new DirectoryError("target_missing", "remove needs a path (RFC 7644 §3.5.2.2)");
  }
  if (value === undefined && kind !== "remove") {
    throw new DirectoryError("value_invalid", `${kind} needs a value`);
  }
  return { kind, path: named, value };
}

function member(object: JsonObject, lowerName: string): Json | undefined {
  const name = Object.keys(object).find((candidate) => candidate.toLowerCase() === lowerName);
  return name === undefined ? undefined : object[name];
}
