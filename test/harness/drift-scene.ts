import { expect } from "vitest";
import { sql } from "@rollcall/core/store";
import { type Admin, adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import { createTenant, newGroup, newUser, type TestTenant } from "./tenant.ts";
import { until } from "./until.ts";
import { untilQuiet } from "./user-store.ts";

type Sql = ReturnType<typeof sql>;

export type Found = Readonly<Record<string, number>>;
export type Run = {
  readonly id: string;
  readonly state: string;
  readonly dryRun: boolean;
  readonly total: number;
  readonly compared: number;
  readonly waiting: number;
  readonly found: Found;
  readonly enqueued: number;
  readonly applied: number;
  readonly dead: number;
  readonly healed: number;
  readonly finishedAt?: string;
};
export type Shown = {
  readonly id: number;
  readonly kind: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  readonly name?: string;
  readonly connection?: string;
  readonly directory: unknown;
  readonly userStore: unknown;
  readonly healedAt?: string;
};

/** A tenant whose user store is to be put wrong by hand, with everything that is asked of it. */
export type DriftScene = {
  readonly tenant: TestTenant;
  readonly admin: Admin;
  /** Living users by their externalId: `ann`, `bob` and `eve`; Eve is deactivated. */
  readonly ids: Readonly<Record<"ann" | "bob" | "eve", string>>;
  /** Ann and Bob are in it. */
  readonly groupId: string;
  /** Does something to the tenant's rows that no role of Rollcall would do. */
  byHand(statement: Sql): Promise<void>;
  start(body: object): Promise<string>;
  ended(id: string): Promise<Run>;
  resync(body: object): Promise<Run>;
  differences(id: string): Promise<readonly Shown[]>;
  drift(): Promise<Found>;
};

/** The kinds of which there are some. */
export function some(found: Found): Found {
  return Object.fromEntries(Object.entries(found).filter(([, count]) => count > 0));
}

export async function createDriftScene(house: House): Promise<DriftScene> {
  const tenant = await createTenant(house);
  const admin = await adminOf(house, tenant);
  const create = async (externalId: string, more: object = {}): Promise<string> =>
    (await tenant.scim("POST", "/Users", newUser(externalId, { ...more }))).body["id"] as string;
  const ids = {
    ann: await create("ann", { displayName: "Ann", emails: [{ value: "ann@work.test", primary: true }] }),
    bob: await create("bob", { name: { givenName: "Bob", familyName: "Stone" } }),
    eve: await create("eve", { active: false }),
  };
  const group = await tenant.scim("POST", "/Groups", newGroup("Sales", [ids.ann, ids.bob]));
  await untilQuiet(house, tenant.id);
  const base = `/tenants/${tenant.slug}`;
  const start = async (body: object): Promise<string> => {
    const { status, body: run } = await admin("POST", `${base}/resyncs`, body);
    expect({ status, run }).toMatchObject({ status: 202 });
    return run["id"] as string;
  };
  const ended = (id: string): Promise<Run> =>
    until(`the run ${id} has ended`, async () => {
      const { body } = await admin("GET", `${base}/resyncs/${id}`);
      return body["finishedAt"] !== undefined && (body as Run);
    });
  return {
    tenant,
    admin,
    ids,
    groupId: group.body["id"] as string,
    byHand: async (statement) => void (await house.database.once(tenant.id, statement)),
    start,
    ended,
    resync: async (body) => ended(await start(body)),
    differences: async (id) =>
      (await admin("GET", `${base}/resyncs/${id}/differences`)).body["items"] as readonly Shown[],
    drift: async () => some((await admin("GET", `${base}/drift`)).body["open"] as Found),
  };
}

/** Everything that the user store and the feed have of a tenant, but for when. */
export async function storeOf({ database }: Pick<House, "database">, tenantId: string): Promise<unknown> {
  const [row] = await database.once<{ store: unknown }>(
    tenantId,
    sql`SELECT jsonb_build_object(
        'users', (SELECT jsonb_agg(jsonb_build_array(id, user_name, display_name, email, attributes) ORDER BY id) FROM app_user),
        'links', (SELECT jsonb_agg(jsonb_build_array(directory_user_id, user_id, applied_version) ORDER BY directory_user_id) FROM link),
        'subjects', (SELECT jsonb_agg(jsonb_build_array(iss, sub, sub_key, user_id, directory_user_id, alias) ORDER BY iss, sub_key) FROM identity),
        'groups', (SELECT jsonb_agg(jsonb_build_array(id, display_name) ORDER BY id) FROM app_group),
        'members', (SELECT jsonb_agg(jsonb_build_array(group_id, directory_user_id, user_id) ORDER BY group_id, directory_user_id) FROM app_group_member),
        'denials', (SELECT jsonb_agg(jsonb_build_array(user_id, reason, origin_id) ORDER BY user_id, reason) FROM denial),
        'revocations', (SELECT jsonb_agg(jsonb_build_array(scope, iss, sub, deny) ORDER BY scope, iss, sub) FROM revocation)
      ) AS store`,
  );
  return row?.store;
}
