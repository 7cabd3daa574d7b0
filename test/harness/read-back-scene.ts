import { onTestFinished } from "vitest";
import type { ProviderKind } from "@rollcall/core/domain";
import { providerSecretPurpose, sealSecret, setProvider, sql } from "@rollcall/core/store";
import { addSource, type HookSource, tell, type Told } from "./hook-sender.ts";
import { type House, type HouseOptions } from "./house.ts";
import type { Person, ProviderServer } from "./providers/provider-server.ts";
import { startScimServer } from "./providers/scim-server.ts";
import { createTenant, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

/** For houses that ask providers: as fast as a story wants to know. */
export const eager: NonNullable<HouseOptions["readBacks"]> = {
  pace: {
    pollMs: 50,
    atOnceMax: 2,
    apartMs: 400,
    pauseMsMin: 50,
    pauseMsMax: 200,
    postponeMsMax: 200,
    alertAfterMs: 300,
    questionMsMax: 20_000,
    pullHeldMs: 1_000,
  },
};

const providerSecret = "what the provider is asked with";

/** A tenant with an identity provider that can be asked, and a source that tells of its users. */
export type ReadBackScene = {
  readonly tenant: TestTenant;
  readonly source: HookSource;
  readonly server: ProviderServer;
  /** Who is at the provider from now on. */
  become(people: readonly Person[]): void;
  /** Tells something of a user, as the source would. */
  say(type: string, data: Told["data"], at?: Date): Promise<number>;
  /** Tells that something has changed of a user, and nothing more. */
  ping(id?: string): Promise<number>;
  /** How often the provider was asked about this id. */
  askedAbout(id: string): number;
};

export const ann: Person = { id: "ann", name: "Ann", email: "ann@example.test", active: true };

export async function readBackScene(
  house: House,
  settings: Readonly<Record<string, unknown>> = {},
  people: readonly Person[] = [ann],
): Promise<ReadBackScene> {
  const tenant = await createTenant(house);
  const directory = { users: people, groups: [] };
  const server = await startScimServer(directory, providerSecret, "index");
  onTestFinished(() => server.close());
  await addProvider(house, tenant, "scim", {
    url: `${server.origin}/scim/v2`,
    pace: { perSec: 1_000, attemptsMax: 1, timeoutMs: 15_000 },
    ...settings,
  });
  const source = await addSource(house, tenant, "webhook");
  const thin = await addSource(house, tenant, "graph");
  return {
    tenant,
    source,
    server,
    become: (users) => Object.assign(directory, { users }),
    say: async (type, data, at) => (await tell(source, { type, data, at })).status,
    ping: async (id = "ann") => (await notify(thin, [{ id }])).status,
    askedAbout: (id) => server.asked.filter(({ url }) => url.pathname === `/scim/v2/Users/${id}`).length,
  };
}

export type Noticed = {
  readonly id?: string;
  readonly changeType?: string;
  readonly clientState?: string | undefined;
  readonly lifecycleEvent?: string;
  readonly subscriptionId?: string;
};

/** Sends what Microsoft Graph would: several items in one delivery, and of each no more than whom it is about. */
export function notify({ url, secret }: HookSource, items: readonly Noticed[]): Promise<Response> {
  const value = items.map(({ id, changeType = "updated", lifecycleEvent, ...item }) => ({
    subscriptionId: "76222963-cc7b-42d2-882d-8aaa69cb2ba3",
    subscriptionExpirationDateTime: "2026-12-20T00:00:00Z",
    clientState: secret,
    tenantId: "84bd8158-6d4d-4958-8b9f-9d6445542f95",
    ...item,
    ...(lifecycleEvent === undefined ? { changeType } : { lifecycleEvent }),
    ...(id === undefined
      ? {}
      : {
          resource: `Users/${id}`,
          resourceData: { "@odata.type": "#Microsoft.Graph.User", "@odata.id": `Users/${id}`, id },
        }),
  }));
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ value }),
  });
}

export async function addProvider(
  house: House,
  { id, connectionId }: Pick<TestTenant, "id" | "connectionId">,
  kind: ProviderKind,
  settings: Readonly<Record<string, unknown>>,
  secret = providerSecret,
): Promise<void> {
  const sealed = sealSecret(house.credentials.keyFor(providerSecretPurpose), connectionId, secret);
  await setProvider(house.database, id, connectionId, { kind, settings: settings as never, secret: sealed }, "test");
}

/** Ann, whom SCIM has created some time ago. */
export async function createAnn(house: House, tenant: TestTenant): Promise<string> {
  const { body } = await tenant.scim("POST", "/Users", newUser("ann"));
  await house.database.once(
    tenant.id,
    sql`UPDATE directory_user SET created_at = now() - interval '1 hour', updated_at = now() - interval '1 hour' WHERE id = ${body["id"] as string}`,
  );
  await untilQuiet(house, tenant.id);
  return body["id"] as string;
}

/** Waits until nothing is left to be asked. */
export async function untilAsked(house: House, { id }: Pick<TestTenant, "id">, msMax?: number): Promise<void> {
  await until(
    "the provider has been asked about everybody",
    async () => {
      const [row] = await house.database.once<{ count: number }>(id, sql`SELECT count(*) AS count FROM read_back`);
      return row?.count === 0;
    },
    msMax,
  );
}

export type DirectoryRow = {
  readonly active: boolean;
  readonly deleted: boolean;
  readonly displayName: string | null;
  readonly title: string | null;
};

/** How the directory has a user, dead or alive. */
export async function rowOf(
  house: House,
  { id }: Pick<TestTenant, "id">,
  externalId = "ann",
): Promise<DirectoryRow | undefined> {
  const [row] = await house.database.once<DirectoryRow>(
    id,
    sql`SELECT active, deleted_at IS NOT NULL AS deleted, attributes->>'displayName' AS "displayName", attributes->>'title' AS title
      FROM directory_user WHERE external_id = ${externalId}`,
  );
  return row;
}

export async function waitingOf(
  house: House,
  { id }: Pick<TestTenant, "id">,
): Promise<readonly { readonly attempts: number; readonly lastError: string | null }[]> {
  return house.database.once(id, sql`SELECT attempts, last_error AS "lastError" FROM read_back`);
}
