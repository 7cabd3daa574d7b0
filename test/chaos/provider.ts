import { setTimeout as delay } from "node:timers/promises";
import type { Random } from "./random.ts";

/** What the provider knows of one person: the model that everything else is compared with. */
export type Person = {
  readonly externalId: string;
  id: string | undefined;
  state: "absent" | "active" | "inactive" | "deleted";
  displayName: string | undefined;
  /** The ETag of the last word that the service gave. */
  version: string | undefined;
  /** Ids that the service ever gave this person: there may be one only. */
  readonly ids: Set<string>;
  readonly groups: Set<string>;
};

export type Directory = { readonly tenant: string; readonly people: readonly Person[]; readonly groupIds: string[] };

export type Ledger = { acked: number; settled: number };

type Answer = { readonly status: number; readonly etag: string | undefined; readonly body: Record<string, unknown> };

const settleMsMax = 60_000;
const patchOf = (...operations: readonly unknown[]): unknown => ({
  schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
  Operations: operations,
});

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
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    return {
      status: response.status,
      etag: response.headers.get("etag") ?? undefined,
      body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
    };
  }

  /** One change of one person; the model follows what was acknowledged, or what a later look shows. */
  async function change(person: Person): Promise<void> {
    const step = nextStep(person, directory.groupIds, random);
    const answer = await send(step.method, step.path, step.body).catch(() => undefined);
    if (answer !== undefined && answer.status < 300) {
      ledger.acked += 1;
      step.done(answer);
      return;
    }
    if (answer !== undefined && answer.status < 500)
      throw new Error(`${step.method} ${step.path} was refused with ${answer.status}: ${JSON.stringify(answer.body)}`);
    ledger.settled += 1;
    await settle(person);
  }

  /** Looks until the service says what became of a request that was not answered. */
  async function settle(person: Person): Promise<void> {
    const deadline = Date.now() + settleMsMax;
    for (;;) {
      const found = await look(person).catch(() => undefined);
      if (found !== undefined) return;
      if (Date.now() > deadline) throw new Error("the service does not come back");
      await delay(50);
    }
  }

  async function look(person: Person): Promise<true> {
    const filter = encodeURIComponent(`externalId eq "${person.externalId}"`);
    const list = await send("GET", `/Users?filter=${filter}`);
    if (list.status !== 200) throw new Error(`the look was answered ${list.status}`);
    const [found] = list.body["Resources"] as readonly Record<string, unknown>[];
    if (found === undefined) {
      if (person.state !== "absent") Object.assign(person, { state: "deleted", version: undefined });
      person.groups.clear();
      return true;
    }
    const id = found["id"] as string;
    person.ids.add(id);
    Object.assign(person, {
      id,
      state: found["active"] === true ? "active" : "inactive",
      displayName: found["displayName"],
      version: (found["meta"] as { version?: string }).version,
    });
    person.groups.clear();
    for (const group of (found["groups"] as readonly { value: string }[] | undefined) ?? [])
      person.groups.add(group.value);
    return true;
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

type Step = {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly done: (answer: Answer) => void;
};

function nextStep(person: Person, groupIds: readonly string[], random: Random): Step {
  const { id, externalId } = person;
  if (id === undefined || person.state === "absent" || person.state === "deleted") {
    return {
      method: "POST",
      path: "/Users",
      body: {
        schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
        userName: `${externalId}@example.test`,
        externalId,
        active: true,
      },
      done: ({ body, etag }) => {
        person.ids.add(body["id"] as string);
        Object.assign(person, { id: body["id"], state: "active", displayName: undefined, version: etag });
        person.groups.clear();
      },
    };
  }
  const roll = random();
  if (roll < 0.1) return removal(person, id);
  if (roll < 0.3 && groupIds.length > 0)
    return membership(person, id, groupIds[Math.floor(random() * groupIds.length)] as string);
  if (roll < 0.6) return activation(person, id);
  const displayName = `name ${Math.floor(random() * 1e9)}`;
  return {
    method: "PATCH",
    path: `/Users/${id}`,
    body: patchOf({ op: "replace", path: "displayName", value: displayName }),
    done: ({ etag }) => Object.assign(person, { displayName, version: etag }),
  };
}

function removal(person: Person, id: string): Step {
  return {
    method: "DELETE",
    path: `/Users/${id}`,
    done: () => {
      Object.assign(person, { state: "deleted", version: undefined });
      person.groups.clear();
    },
  };
}

function activation(person: Person, id: string): Step {
  const active = person.state !== "active";
  return {
    method: "PATCH",
    path: `/Users/${id}`,
    body: patchOf({ op: "replace", value: { active } }),
    done: ({ etag }) => Object.assign(person, { state: active ? "active" : "inactive", version: etag }),
  };
}

function membership(person: Person, id: string, groupId: string): Step {
  const member = person.groups.has(groupId);
  const operation = member
    ? { op: "remove", path: `members[value eq "${id}"]` }
    : { op: "add", path: "members", value: [{ value: id }] };
  return {
    method: "PATCH",
    path: `/Groups/${groupId}`,
    body: patchOf(operation),
    done: () => void (member ? person.groups.delete(groupId) : person.groups.add(groupId)),
  };
}
