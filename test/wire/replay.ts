import { readFileSync } from "node:fs";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** One request of an identity provider and what it must be told. Paths are below the SCIM base; `{{name}}` stands for a captured value. */
export type Exchange = {
  readonly name: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: { readonly [name: string]: string };
    readonly body?: Json;
    /** Sent as it is, where the body is not JSON. */
    readonly rawBody?: string;
  };
  readonly response: {
    readonly status: number;
    /** `{{*}}` is any value. */
    readonly headers?: { readonly [name: string]: string };
    /** What the answer must hold at least; arrays have the same length, in any order. */
    readonly body?: Json;
    /** Paths (`a/b`) that the answer must not hold. */
    readonly absent?: readonly string[];
    /** Names for later exchanges, by path (`meta/version`) into the answer. */
    readonly capture?: { readonly [name: string]: string };
  };
};

export type WireRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: string | undefined;
};

export type WireResponse = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | undefined };
  readonly body: string;
};

/** Reads a file of recorded exchanges, named relative to this directory: `okta/users.json`. */
export function readExchanges(file: string): readonly Exchange[] {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as readonly Exchange[];
}

/**
 * Sends the exchanges in order and throws at the first answer that is not the recorded one. The
 * sender adds the SCIM base, and the connection's token where the exchange has no authorization.
 */
export async function replay(
  exchanges: readonly Exchange[],
  send: (request: WireRequest) => Promise<WireResponse>,
  known: { readonly [name: string]: string } = {},
): Promise<void> {
  const captured = new Map(Object.entries(known));
  for (const exchange of exchanges) {
    const wire = filled(exchange, captured);
    const response = await send(requestOf(wire));
    const problems = check(wire, response);
    if (problems.length > 0) throw new Error(complaint(wire, response, problems));
    for (const [name, path] of Object.entries(wire.response.capture ?? {})) {
      const value = at(parsed(response.body), path);
      if (typeof value !== "string") throw new Error(complaint(wire, response, [`nothing to capture at ${path}`]));
      captured.set(name, value);
    }
  }
}

function filled(exchange: Exchange, captured: ReadonlyMap<string, string>): Exchange {
  // Captures are ids and tags, which JSON writes as they are but for the quotes of an ETag.
  const text = JSON.stringify(exchange).replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => {
    const value = captured.get(name);
    if (value === undefined) throw new Error(`${exchange.name}: nothing was captured as ${name}`);
    return JSON.stringify(value).slice(1, -1);
  });
  return JSON.parse(text) as Exchange;
}

function requestOf({ request }: Exchange): WireRequest {
  const body = request.rawBody ?? (request.body === undefined ? undefined : JSON.stringify(request.body));
  const headers = { ...(body === undefined ? {} : { "content-type": "application/scim+json" }), ...request.headers };
  return { method: request.method, path: request.path, headers, body };
}

function check({ response: expected }: Exchange, actual: WireResponse): readonly string[] {
  const problems: string[] = [];
  if (actual.status !== expected.status) problems.push(`status is ${actual.status}, expected ${expected.status}`);
  for (const [name, value] of Object.entries(expected.headers ?? {})) {
    const held = actual.headers[name];
    const right = value === "{{*}}" ? held !== undefined : held === value;
    if (!right) problems.push(`header ${name} is ${JSON.stringify(held)}, expected ${JSON.stringify(value)}`);
  }
  if (expected.body !== undefined) problems.push(...differences(expected.body, parsed(actual.body), "body"));
  for (const path of expected.absent ?? []) {
    if (at(parsed(actual.body), path) !== undefined) problems.push(`body has ${path}, which it must not`);
  }
  return problems;
}

function differences(expected: Json, actual: Json | undefined, path: string): readonly string[] {
  if (expected === "{{*}}" && actual !== undefined) return [];
  if (Array.isArray(expected)) return elementDifferences(expected as readonly Json[], actual, path);
  if (typeof expected === "object" && expected !== null) {
    if (!isObject(actual)) return [`${path} is ${JSON.stringify(actual)}, expected an object`];
    return Object.entries(expected).flatMap(([name, value]) => differences(value, actual[name], `${path}.${name}`));
  }
  return expected === actual ? [] : [`${path} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
}

function elementDifferences(expected: readonly Json[], actual: Json | undefined, path: string): readonly string[] {
  if (!Array.isArray(actual)) return [`${path} is ${JSON.stringify(actual)}, expected an array`];
  const left = [...(actual as readonly Json[])];
  if (left.length !== expected.length) return [`${path} has ${left.length} elements, expected ${expected.length}`];
  return expected.flatMap((element, index) => {
    const found = left.findIndex((candidate) => differences(element, candidate, path).length === 0);
    if (found === -1) return [`${path} has no element like ${JSON.stringify(element)} (expected at ${index})`];
    left.splice(found, 1);
    return [];
  });
}

function at(body: Json | undefined, path: string): Json | undefined {
  return path.split("/").reduce<Json | undefined>((value, name) => {
    if (Array.isArray(value)) return (value as readonly Json[])[Number(name)];
    return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
  }, body);
}

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parsed(body: string): Json | undefined {
  if (body === "") return undefined;
  try {
    return JSON.parse(body) as Json;
  } catch {
    return body;
  }
}

function complaint(exchange: Exchange, response: WireResponse, problems: readonly string[]): string {
  const { method, path } = exchange.request;
  return [
    `${exchange.name} (${method} ${path})`,
    ...problems.map((problem) => `  - ${problem}`),
    `  answer: ${response.body.slice(0, 2000)}`,
  ].join("\n");
}
