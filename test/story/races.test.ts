import { Client } from "pg";
import { describe, expect, test } from "vitest";
import { DirectoryError } from "@rollcall/core/domain";
import { newId } from "@rollcall/core/runtime";
import { sql, suspendUser, unsuspendUser } from "@rollcall/core/store";
import { createDrain, type Drain } from "@rollcall/worker";
import { keyOf, openFeedReader } from "../harness/feed-reader.ts";
import { openHouse, quietLog } from "../harness/house.ts";
import { ask, openProvisioning, type ProvisioningScene } from "../harness/provisioning-scene.ts";
import { type Act, race } from "../harness/race.ts";
import {
  addConnection,
  createTenant,
  deactivate,
  newUser,
  patch,
  reactivate,
  type TestTenant,
} from "../harness/tenant.ts";
import { applyAll, readUserStore, untilQuiet } from "../harness/user-store.ts";

// Two houses on one database are two ingest processes and two workers; nobody applies anything unasked.
const first = await openHouse({ without: ["worker"] });
const second = await openHouse({ databaseUrl: first.databaseUrl, without: ["worker", "publisher"] });
const { database } = first;
const drains: readonly Drain[] = [first, second].map((house) =>
  createDrain({ database: house.database, log: quietLog, newId }),
);
const patience = { timeout: 240_000 };
const beganAt = new Date("2026-01-01T00:00:00Z");
await spreadAcceptance();

type Sender = Pick<TestTenant, "scim">;

type Person = {
  readonly tenant: TestTenant;
  readonly sub: string;
  /** Of the user whom everybody speaks of, as the provider that comes first knows them. */
  id: string | undefined;
  /** Whether the admin's last word is a suspension. */
  suspended: boolean;
};

describe("one person of whom two sources speak at once ends as the rules say", () => {
  test("two ingests of one provider, an admin, and two workers", patience, async () => {
    await race<Person>({
      runs: 40,
      actsMax: 24,
      prepare: joiner,
      acts: [
        ...sender("first ingest", ({ tenant }) => tenant),
        ...sender("second ingest", through(second.url)),
        ...admin,
        ...workers,
      ],
      judge: async (person) => {
        await settle(person.tenant);
        await expectRules(person, [person.id ?? ""]);
      },
    });
  });

  test("two providers whose users an admin has made one, an admin, and two workers", patience, async () => {
    await race<Linked>({
      runs: 40,
      actsMax: 24,
      prepare: linked,
      acts: [
        ...sender<Linked>("first provider", ({ tenant }) => tenant),
        ...sender<Linked>(
          "second provider",
          ({ other }) => other,
          ({ otherId }) => otherId,
        ),
        ...admin,
        ...workers,
      ],
      judge: async (person) => {
        await settle(person.tenant);
        await expectRules(person, [person.id ?? "", person.otherId]);
      },
    });
  });

  test("a provider, gateways that bring the person's token, an admin, and two workers", patience, async () => {
    await race<Stranger>({
      runs: 30,
      actsMax: 20,
      prepare: async () => {
        const scene = await openProvisioning(first);
        return { scene, tenant: scene.tenant, sub: "ann", id: undefined, suspended: false };
      },
      acts: [
        ...sender<Stranger>("first ingest", ({ tenant }) => tenant),
        ...sender<Stranger>("second ingest", through(second.url)),
        gateway("first gateway"),
        gateway("second gateway"),
        ...admin,
        ...workers,
      ],
      judge: async (person) => {
        await settle(person.tenant);
        const users = await database.once<{ id: string }>(person.tenant.id, sql`SELECT id FROM directory_user`);
        expect(users.length).toBeLessThanOrEqual(1);
        if (users[0] === undefined) return;
        await expectRules(person, [users[0].id]);
        const denied = ((await readUserStore(first, person.tenant.id)).get(users[0].id)?.denials ?? []).length > 0;
        expect((await login(person))["status"]).toBe(denied ? "denied" : "active");
      },
    });
  });
});

type Linked = Person & { readonly other: Sender; readonly otherId: string };
type Stranger = Person & { readonly scene: ProvisioningScene };

async function joiner(): Promise<Person> {
  const tenant = await createTenant(first);
  const created = await tenant.scim("POST", "/Users", newUser("ann"));
  await settle(tenant);
  return { tenant, sub: "ann", id: created.body["id"] as string, suspended: false };
}

/** The second provider's user lends its identity and its denials to the first one's. */
async function linked(): Promise<Linked> {
  const person = await joiner();
  const other = await addConnection(first, person.tenant, "https://other.idp.test");
  const otherId = (await other.scim("POST", "/Users", newUser("ann"))).body["id"] as string;
  await database.once(
    person.tenant.id,
    sql`INSERT INTO link (directory_user_id, tenant_id, user_id) VALUES (${otherId}, ${person.tenant.id}, ${person.id})`,
  );
  await settle(person.tenant);
  return { ...person, other, otherId };
}

/** A provider's words, each of which may come when it is no longer true, and is refused then. */
function sender<Who extends Person>(
  actor: string,
  of: (person: Who) => Sender,
  idOf: (person: Who) => string | undefined = ({ id }) => id,
): readonly Act<Who>[] {
  const send = (method: string, body?: unknown) => async (person: Who) => {
    const id = method === "POST" ? "" : idOf(person);
    if (id === undefined) return;
    const answer = await of(person).scim(method, `/Users${id === "" ? "" : `/${id}`}`, body);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(500);
    if (method === "POST" && answer.status === 201) person.id ??= answer.body["id"] as string;
  };
  const rename = patch({ op: "replace", path: "displayName", value: actor });
  return [
    { actor, name: "create", act: send("POST", newUser("ann")) },
    { actor, name: "disable", act: send("PATCH", deactivate) },
    { actor, name: "enable", act: send("PATCH", reactivate) },
    { actor, name: "rename", act: send("PATCH", rename) },
    { actor, name: "delete", act: send("DELETE") },
  ];
}

/** The same provider, by another ingest. */
function through(url: string): (person: Person) => Sender {
  return ({ tenant }) => ({ scim: (method, path, body, headers) => tenant.scim(method, path, body, headers, url) });
}

const admin: readonly Act<Person>[] = [
  { actor: "admin", name: "suspend", act: (person) => suspension(person, true) },
  { actor: "admin", name: "unsuspend", act: (person) => suspension(person, false) },
];

async function suspension(person: Person, suspended: boolean): Promise<void> {
  if (person.id === undefined) return;
  const write = suspended ? suspendUser : unsuspendUser;
  try {
    await write(database, person.tenant.id, person.id, { actor: "race", at: beganAt });
    person.suspended = suspended;
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error;
  }
}

const workers: readonly Act<Person>[] = drains.map((drain, index) => ({
  actor: `worker ${index + 1}`,
  name: "apply",
  act: () => applyAll(drain),
}));

function gateway(actor: string): Act<Stranger> {
  return {
    actor,
    name: "brings a token",
    act: async (person) => {
      expect(["active", "denied"]).toContain((await login(person))["status"]);
    },
  };
}

async function login({ scene, sub }: Stranger): Promise<Record<string, unknown>> {
  return ask(scene, { sub, token: await scene.mint(sub), deadline_ms: 200 });
}

async function settle(tenant: TestTenant): Promise<void> {
  await applyAll(drains[0] ?? (async () => 0));
  await untilQuiet(first, tenant.id);
}

/** A second lies between one acceptance and the next, so that a cut can be told from one too early. */
async function spreadAcceptance(): Promise<void> {
  const owner = new Client({ connectionString: first.databaseUrl });
  await owner.connect();
  await owner.query(`
    CREATE SEQUENCE seconds;
    CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
      BEGIN
        NEW.accepted_at := timestamptz '${beganAt.toISOString()}' + nextval('seconds') * interval '1 second';
        RETURN NEW;
      END $$;
    CREATE TRIGGER spread BEFORE INSERT ON lifecycle_event FOR EACH ROW EXECUTE FUNCTION spread();`);
  await owner.end();
}

type Word = { readonly subject_id: string; readonly kind: string; readonly accepted_at: Date };

/** What the sources said, in the order in which it was accepted, decides; the order in which it was applied does not. */
async function expectRules({ tenant, id = "", suspended }: Person, directoryIds: readonly string[]): Promise<void> {
  const words = await database.once<Word>(
    tenant.id,
    sql`SELECT subject_id, kind, accepted_at FROM lifecycle_event WHERE subject_kind = 'user' ORDER BY id`,
  );
  const wanted = directoryIds.flatMap((subject) => denialsAfter(words.filter(({ subject_id: of }) => of === subject)));
  const userId = directoryIds.includes(id) ? id : (directoryIds[0] ?? "");
  const users = await readUserStore(first, tenant.id);
  const user = users.get(userId);
  expect([...users.keys()]).toEqual([userId]);
  expect(user?.denials).toEqual([...wanted, ...(suspended ? ["admin_suspended"] : [])].toSorted());

  const tried = await database.once(tenant.id, sql`SELECT id FROM lifecycle_event WHERE attempts > 0`);
  expect(tried).toEqual([]);
  const killsMs = words
    .filter(({ kind }) => kind === "user.deactivated" || kind === "user.deleted")
    .map(({ accepted_at: at }) => at.getTime());
  const reader = openFeedReader({ url: first.url, feed: tenant.slug, token: tenant.feedToken });
  await reader.catchUp();
  const identities = await database.once<{ iss: string; sub: string }>(tenant.id, sql`SELECT iss, sub FROM identity`);
  expect(identities).toHaveLength(directoryIds.length);
  for (const key of identities) {
    const entry = reader.held.get(keyOf(key));
    expect(entry?.op === "deny", JSON.stringify(key)).toBe((user?.denials.length ?? 0) > 0);
    for (const killedMs of killsMs)
      expect(entry?.nbf, JSON.stringify(key)).toBeGreaterThanOrEqual(Math.floor(killedMs / 1_000) + 1);
  }
}

function denialsAfter(words: readonly Word[]): readonly string[] {
  switch (words.findLast(({ kind }) => kind !== "user.updated" && !kind.startsWith("membership"))?.kind) {
    case "user.deleted":
      return ["idp_deleted"];
    case "user.deactivated":
      return ["idp_inactive"];
    default:
      return [];
  }
}
