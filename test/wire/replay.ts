import { readFileSync } from "node:fs";

export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** What a provider does with its users and groups in the course of their lives. */
export const stages = [
  "match",
  "create",
  "update",
  "rename",
  "group",
  "join",
  "leave",
  "deactivate",
  "reactivate",
  "delete",
  "restore",
  "retry",
] as const;
export type Stage = (typeof stages)[number];

/** A recording is a conversation, and between its exchanges what must have come of them. */
export type Step = Exchange | Arrival;

/** One request of an identity provider and what it must be told. Paths are below the SCIM base; `{{name}}` stands for a captured value. */
export type Exchange = {
  readonly name: string;
  readonly stage?: Stage;
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
    /** `{{*}}` is any value, and within a text any text. */
    readonly headers?: { readonly [name: string]: string };
    /** What the answer must hold at least; arrays have the same length, in any order. */
    readonly body?: Json;
    /** Paths (`a/b`) that the answer must not hold. */
    readonly absent?: readonly string[];
    /** Names for later exchanges, by path (`meta/version`) into the answer. */
    readonly capture?: { readonly [name: string]: string };
  };
};

/** What must have arrived once everything accepted is applied and published; all of it, and nothing else. */
export type Arrival = {
  readonly name: string;
  readonly arrived: {
    /** The application's users, in any order. */
    readonly users?: readonly {
      readonly userName: string;
      readonly denials: readonly string[];
      readonly identities: readonly string[];
      readonly groups: readonly string[];
    }[];
    /** What gateways hold, by subject: a denial, or that only tokens since the last one are let in. */
    readonly feed?: { readonly [sub: string]: "deny" | "nbf" };
    /** Kinds of the events since the last arrival, in the order in which they were accepted. */
    readonly events?: readonly string[];
  };
};

export type Arrived = { readonly [part in keyof Required<Arrival["arrived"]>]: Json };

/** Where a recording is replayed. */
export type WireDoor = {
  send(request: WireRequest): Promise<WireResponse>;
  /** Waits until everything is applied and published, and a gateway holds what it should or has been waited for long enough; reads it. */
  arrived(feed: Arrival["arrived"]["feed"]): Promise<Arrived>;
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

/** Reads a recording, named relative to this directory: `okta/users.json`. */
export function readRecording(file: string): readonly Step[] {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), "utf8")) as readonly Step[];
}

/**
 * Takes the steps in order and throws at the first that does not come out as recorded. The door
 * adds the SCIM base, and the connection's token where the exchange has no authorization.
 */
export async function replay(
  steps: readonly Step[],
  door: WireDoor,
  known: { readonly [name: string]: string } = {},
): Promise<void> {
  const captured = new Map(Object.entries(known));
  for (const step of steps) {
    const wire = filled(step, captured);
    if ("arrived" in wire) compareArrival(wire, await door.arrived(wire.arrived.feed));
    else for (const [name, value] of await exchange(wire, door)) captured.set(name, value);
  }
}

/** Answers what is captured. */
async function exchange(wire: Exchange, door: WireDoor): Promise<readonly (readonly [string, string])[]> {
  const response = await door.send(requestOf(wire));
  const problems = check(wire, response);
  if (problems.length > 0) throw new Error(complaint(wire, response, problems));
  return Object.entries(wire.response.capture ?? {}).map(([name, path]) => {
    const value = at(parsed(response.body), path);
    if (typeof value !== "string") throw new Error(complaint(wire, response, [`nothing to capture at ${path}`]));
    return [name, value];
  });
}

function compareArrival({ name, arrived: { users, feed, events } }: Arrival, actual: Arrived): void {
  const problems = [
    ...(users === undefined ? [] : differences(users, actual.users, "users")),
    ...(feed === undefined ? [] : [...differences(feed, actual.feed, "feed"), ...surplus(feed, actual.feed)]),
    ...(events === undefined || JSON.stringify(events) === JSON.stringify(actual.events)
      ? []
      : [`events are ${JSON.stringify(actual.events)}, expected ${JSON.stringify(events)}`]),
  ];
  if (problems.length === 0) return;
  throw new Error(
    [name, ...problems.map((problem) => `  - ${problem}`), `  all: ${JSON.stringify(actual)}`].join("\n"),
  );
}

function surplus(expected: object, actual: Json): readonly string[] {
  const names = isObject(actual) ? Object.keys(actual).filter((name) => !Object.hasOwn(expected, name)) : [];
  return names.map((name) => `feed holds ${name}, which it must not`);
}

function filled<Recorded extends Step>(step: Recorded, captured: ReadonlyMap<string, string>): Recorded {
  // Captures are ids and tags, which JSON writes as they are but for the quotes of an ETag.
  const text = JSON.stringify(step).replaceAll(/\{\{(\w+)\}\}/g, (_whole, name: string) => {
    const value = captured.get(name);
    if (value === undefined) throw new Error(`${step.name}: nothing was captured as ${name}`);
    return JSON.stringify(value).slice(1, -1);
  });
  return JSON.parse(text) as Recorded;
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
    if (held === undefined || !isLike(value, held))
      problems.push(`header ${name} is ${JSON.stringify(held)}, expected ${JSON.stringify(value)}`);
  }
  if (expected.body !== undefined) problems.push(...differences(expected.body, parsed(actual.body), "body"));
  for (const path of expected.absent ?? []) {
    if (at(parsed(actual.body), path) !== undefined) problems.push(`body has ${path}, which it must not`);
  }
  return problems;
}

function differences(expected: Json, actual: Json | undefined, path: string): readonly string[] {
  if (expected === "{{*}}" && actual !== undefined) return [];
  if (typeof expected === "string" && typeof actual === "string" && isLike(expected, actual)) return [];
  if (Array.isArray(expected)) return elementDifferences(expected as readonly Json[], actual, path);
  if (typeof expected === "object" && expected !== null) {
    if (!isObject(actual)) return [`${path} is ${JSON.stringify(actual)}, expected an object`];
    return Object.entries(expected).flatMap(([name, value]) => differences(value, actual[name], `${path}.${name}`));
  }
  return expected === actual ? [] : [`${path} is ${JSON.stringify(actual)}, expected ${JSON.stringify(expected)}`];
}

function isLike(expected: string, actual: string): boolean {
  const parts = expected.split("{{*}}").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(actual);
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
