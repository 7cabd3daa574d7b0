import { onTestFinished } from "vitest";
import { newId } from "@rollcall/core/runtime";
import { findPull, type Pull, type PullDifference, listPullDifferences, sql, startPull } from "@rollcall/core/store";
import type { House } from "./house.ts";
import type { Gathering, Person, ProviderServer, Reply } from "./providers/provider-server.ts";
import { startScimServer } from "./providers/scim-server.ts";
import { addProvider } from "./read-back-scene.ts";
import { createTenant, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

const providerSecret = "what the provider is asked with";

/** A tenant whose identity provider can be listed. */
export type PullScene = {
  readonly tenant: TestTenant;
  readonly server: ProviderServer;
  /** Who is at the provider from now on, and in which groups. */
  become(users: readonly Person[], groups?: readonly Gathering[]): void;
  /** Lists everybody, and answers the listing when it has ended or waits for a person. */
  pull(asked?: { readonly dryRun?: boolean }): Promise<Pull>;
  /** The same of one that is under way. */
  ended(id: string): Promise<Pull>;
  differences(id: string): Promise<readonly PullDifference[]>;
};

export type PullSceneOptions = {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly paging?: "index" | "cursor";
  readonly pageSize?: number;
};

export async function pullScene(
  house: House,
  people: readonly Person[],
  { settings = {}, paging = "index", pageSize = 5 }: PullSceneOptions = {},
): Promise<PullScene> {
  const tenant = await createTenant(house);
  const directory = { users: people, groups: [] as readonly Gathering[] };
  const server = await startScimServer(directory, providerSecret, paging);
  onTestFinished(() => server.close());
  const pace = { perSec: 1_000, atOnceMax: 8, attemptsMax: 1, timeoutMs: 15_000 };
  await addProvider(house, tenant, "scim", { url: `${server.origin}/scim/v2`, pageSize, pace, ...settings });
  const ended: PullScene["ended"] = (id) =>
    until("the listing has ended, or waits for a person", async () => {
      const run = await findPull(house.database, tenant.id, id);
      return run !== undefined && (run.finishedAt !== null || run.state === "braked") ? run : undefined;
    });
  return {
    tenant,
    server,
    become: (users, groups = directory.groups) => Object.assign(directory, { users, groups }),
    ended,
    pull: async ({ dryRun = false } = {}) => {
      const { id } = await startPull(house.database, tenant.id, tenant.connectionId, {
        id: newId(),
        dryRun,
        actor: "test",
      });
      return ended(id);
    },
    differences: async (id) => {
      const page = { after: undefined, limit: 1_000 };
      return (await listPullDifferences(house.database, tenant.id, id, undefined, page)).items;
    },
  };
}

/** People of whom SCIM has told some time ago. */
export async function createPeople(house: House, tenant: TestTenant, people: readonly Person[]): Promise<void> {
  for (const { id, name, email, active } of people)
    await tenant.scim("POST", "/Users", newUser(id, { userName: email, displayName: name, active }));
  await house.database.once(
    tenant.id,
    sql`UPDATE directory_user SET created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour'`,
  );
  await untilQuiet(house, tenant.id);
}

export function crowd(count: number): readonly Person[] {
  return Array.from({ length: count }, (_, at) => {
    const id = `p${String(at).padStart(4, "0")}`;
    return { id, name: `Person ${at}`, email: `${id}@example.test`, active: true };
  });
}

/** Who lives and may enter, by externalId. */
export async function admitted(house: House, { id }: Pick<TestTenant, "id">): Promise<ReadonlySet<string>> {
  const rows = await house.database.once<{ external_id: string }>(
    id,
    sql`SELECT external_id FROM directory_user WHERE deleted_at IS NULL AND active`,
  );
  return new Set(rows.map((row) => row.external_id));
}

/** A page of a listing by places that never had somebody. */
export function pageWithout(people: readonly Person[], id: string, reply: Reply, url: URL): Reply {
  const rest = people.filter((one) => one.id !== id);
  const from = Number(url.searchParams.get("startIndex") ?? 1) - 1;
  const { Resources: _, ...body } = reply.body as { Resources: readonly unknown[] };
  const Resources = rest
    .slice(from, from + Number(url.searchParams.get("count")))
    .map(({ id: own, name, email, active }) => ({ id: own, userName: email, displayName: name, active }));
  return { ...reply, body: { ...body, totalResults: rest.length, Resources } };
}
