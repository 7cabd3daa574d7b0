import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "./random.ts";

/** What the service last said of a person, or is to say once it has done what it was asked. */
export type Told = {
  readonly state: "absent" | "active" | "inactive" | "deleted";
  readonly id: string | undefined;
  readonly displayName: string | undefined;
  /** The user's ETag; unknown before the service has answered. */
  readonly version: string | undefined;
  /** Ids, sorted. */
  readonly groups: readonly string[];
};

/** What the provider knows of one person: the model that everything else is compared with. */
export type Person = {
  readonly externalId: string;
  told: Told;
  /** Ids that the service ever gave this person: there may be one only. */
  readonly ids: Set<string>;
  /** When it was last shut out, in milliseconds: not before it was asked for, not after it was known. Tokens from before are dead. */
  killed: { readonly fromMs: number; readonly toMs: number } | undefined;
};

export type Directory = { readonly tenant: string; readonly people: readonly Person[]; readonly groupIds: string[] };

export type Ledger = {
  acked: number;
  /** Requests that nobody answered, and whose outcome was looked up. */
  settled: number;
  /** Answers that contradict what was acknowledged before. */
  readonly contradictions: string[];
  /** Requests that were neither answered nor refused in time. */
  readonly hung: string[];
  /** Answers that tell a provider to give up where it should try again. */
  readonly refused: string[];
  /** Since when ingest has been told to end in order; requests that it holds then are to be answered. */
  drainedAtMs: number | undefined;
};

type Answer = {
  readonly status: number;
  /** Says that it may be tried again, and when. */
  readonly isPassing: boolean;
  readonly etag: string | undefined;
  readonly body: Record<string, unknown>;
};

/** A provider that waits for longer has given up. */
const answerMsMax = 15_000;
const settleMsMax = 120_000;
/** So long a request may be on its way: one that met a closed door was not held. */
const onItsWayMs = 25;
const nobody: Told = { state: "absent", id: undefined, displayName: undefined, version: undefined, groups: [] };

export function newPerson(externalId: string): Person {
  return { externalId, told: nobody, ids: new Set(), killed: undefined };
}

/**
 * An identity provider that writes down what was acknowledged. Where it hears no answer it asks what
 * became of its request before it goes on with that person, as real ones do when they retry.
 */
export function createProvider(scimUrl: string, token: string, directory: Directory, ledger: Ledger, random: Random) {
  async function send(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${scimUrl}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, "content-type": "application/scim+json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(answerMsMax),
    });
    const text = await response.text();
    return {
      status: response.status,
      isPassing: response.status === 503 && response.headers.has("retry-after"),
      etag: response.headers.get("etag") ?? undefined,
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  }

  /** One change of one person; the model follows what was acknowledged, or what a later look shows. */
  async function change(person: Person): Promise<void> {
    const before = person.told;
    const step = nextStep(person, directory.groupIds, random);
    const sentAtMs = Date.now();
    const answer = await send(step.method, step.path, step.body).catch((error: Error) => {
      noteSilence(`${directory.tenant}/${person.externalId}: ${step.method} ${step.path}`, sentAtMs, error);
      return undefined;
    });
    if (answer !== undefined && answer.status < 300) {
      ledger.acked += 1;
      const id = (answer.body["id"] as string | undefined) ?? step.next.id;
      const version = step.touchesUser ? writesOf(answer.etag) : before.version;
      believe(person, { ...step.next, id, version }, sentAtMs);
      return;
    }
    if (answer !== undefined && answer.status >= 500 && !answer.isPassing)
      ledger.refused.push(`${directory.tenant}/${person.externalId}: ${step.method} was answered ${answer.status}`);
    const found = await settle(person);
    if (answer !== undefined && answer.status < 500) {
      contradict(person, `${step.method} was refused with ${answer.status} though ${before.state} was acknowledged`);
    } else {
      ledger.settled += 1;
      if (!isSame(found, before) && !isSame(found, step.next)) {
        contradict(
          person,
          `${describe(before)} was acknowledged, ${describe(step.next)} asked for, and there is ${describe(found)}`,
        );
      }
    }
    believe(person, found, sentAtMs);
  }

  function noteSilence(request: string, sentAtMs: number, error: Error): void {
    if (error.name === "TimeoutError") ledger.hung.push(`${request} was not answered within ${answerMsMax} ms`);
    const { drainedAtMs } = ledger;
    if (drainedAtMs !== undefined && sentAtMs < drainedAtMs - onItsWayMs)
      ledger.refused.push(`${request} was cut off by an end in order`);
  }

  function contradict(person: Person, how: string): void {
    ledger.contradictions.push(`${directory.tenant}/${person.externalId}: ${how}`);
  }

  /** Looks until the service says what is there. */
  async function settle(person: Person): Promise<Told> {
    const deadline = Date.now() + settleMsMax;
    for (;;) {
      const found = await look(person).catch(() => undefined);
      if (found !== undefined) return found;
      if (Date.now() > deadline) {
        ledger.hung.push(`${directory.tenant}/${person.externalId}: ingest did not come back within ${settleMsMax} ms`);
        return person.told;
      }
      await delay(50);
    }
  }

  async function look({ externalId, told }: Person): Promise<Told> {
    const list = await send("GET", `/Users?filter=${encodeURIComponent(`externalId eq "${externalId}"`)}`);
    if (list.status !== 200) throw new Error(`the look was answered ${list.status}`);
    const [found] = list.body["Resources"] as readonly Record<string, unknown>[];
    return found === undefined
      ? { ...nobody, id: told.id, state: told.state === "absent" ? "absent" : "deleted" }
      : readUser(found);
  }

  async function createGroups(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) {
      const { status, body } = await send("POST", "/Groups", {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        displayName: `group ${at}`,
      });
      if (status !== 201) throw new Error(`the group was answered ${status}`);
      directory.groupIds.push(body["id"] as string);
    }
  }
  return { change, createGroups, send };
}

export type Provider = ReturnType<typeof createProvider>;

/** How often a user was written: an entity tag begins with it, and may go on with the memberships that were shown. */
function writesOf(tag: string | undefined): string | undefined {
  return tag === undefined ? undefined : (/^W\/"(\d+)/.exec(tag)?.[1] ?? tag);
}

/** A user as SCIM shows it. */
export function readUser(user: Record<string, unknown>): Told {
  return {
    state: user["active"] === true ? "active" : "inactive",
    id: user["id"] as string,
    displayName: user["displayName"] as string | undefined,
    version: writesOf((user["meta"] as { readonly version?: string }).version),
    groups: ((user["groups"] as readonly { readonly value: string }[] | undefined) ?? [])
      .map(({ value }) => value)
      .toSorted(),
  };
}

function believe(person: Person, told: Told, sentAtMs: number): void {
  const before = person.told.state;
  const isOut = told.state === "inactive" || told.state === "deleted";
  // Whatever is said of somebody who is out may be what shuts them out, and need not be.
  if (isOut)
    person.killed = { fromMs: before === "active" ? sentAtMs : (person.killed?.fromMs ?? sentAtMs), toMs: Date.now() };
  if (told.id !== undefined) person.ids.add(told.id);
  person.told = told;
}

/** The same to a reader; versions are compared where both are known. */
function isSame(one: Told, other: Told): boolean {
  const versions = one.version === undefined || other.version === undefined || one.version === other.version;
  return describe(one) === describe(other) && versions;
}

function describe({ state, displayName, groups }: Told): string {
  return `${state} ${JSON.stringify(displayName ?? "")} in ${groups.length === 0 ? "no group" : groups.join(" ")}`;
}

type Step = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly next: Told;
  /** A membership is the group's to write: the user's version stays. */
  readonly touchesUser: boolean;
};

function nextStep({ told, externalId }: Person, groupIds: readonly string[], random: Random): Step {
  if (told.id === undefined || told.state === "absent" || told.state === "deleted") return creation(externalId);
  const roll = random();
  const path = `/Users/${told.id}`;
  if (roll < 0.1)
    return { method: "DELETE", path, next: { ...nobody, id: told.id, state: "deleted" }, touchesUser: true };
  if (roll < 0.3 && groupIds.length > 0)
    return membership(told, told.id, groupIds[Math.floor(random() * groupIds.length)] as string);
  const state = roll < 0.6 ? (told.state === "active" ? "inactive" : "active") : told.state;
  const displayName = roll < 0.6 ? told.displayName : `name ${Math.floor(random() * 1e9)}`;
  const operation =
    roll < 0.6
      ? { op: "replace", value: { active: state === "active" } }
      : { op: "replace", path: "displayName", value: displayName };
  return {
    method: "PATCH",
    path,
    body: patchOf(operation),
    next: { ...told, state, displayName, version: undefined },
    touchesUser: true,
  };
}

/** What a provider says about times is not its to say (RFC 7643 §3.1: readOnly), and least of all when it is wrong. */
const strangeTimes = { created: "2099-12-31T23:59:59Z", lastModified: "1970-01-01T00:00:00Z" };

function creation(externalId: string): Step {
  const schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"];
  return {
    method: "POST",
    path: "/Users",
    body: { schemas, userName: `${externalId}@example.test`, externalId, active: true, meta: strangeTimes },
    next: { ...nobody, state: "active" },
    touchesUser: true,
  };
}

function membership(told: Told, id: string, groupId: string): Step {
  const member = told.groups.includes(groupId);
  const operation = member
    ? { op: "remove", path: `members[value eq "${id}"]` }
    : { op: "add", path: "members", value: [{ value: id }] };
  const groups = member ? told.groups.filter((one) => one !== groupId) : [...told.groups, groupId].toSorted();
  return {
    method: "PATCH",
    path: `/Groups/${groupId}`,
    body: patchOf(operation),
    next: { ...told, groups },
    touchesUser: false,
  };
}

function patchOf(...operations: readonly unknown[]): unknown {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: operations };
}
