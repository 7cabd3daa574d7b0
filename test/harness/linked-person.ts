import { newId } from "@rollcall/core/runtime";
import { linkUser, sql, unlinkUser } from "@rollcall/core/store";
import type { Drain } from "@rollcall/worker";
import { type HeldEntry, keyOf, openFeedReader } from "./feed-reader.ts";
import type { House } from "./house.ts";
import { addConnection, createTenant, newUser, type ScimAnswer, type TestTenant } from "./tenant.ts";
import { applyAll, readUserStore, type StoredUser, untilQuiet } from "./user-store.ts";

/** One person whom two identity providers of a tenant know, each under its own name. */
export type Person = {
  readonly tenant: TestTenant;
  readonly other: Pick<TestTenant, "scim" | "connectionId">;
  /** The user who stays when both are linked, and the one who is linked to it. */
  readonly userId: string;
  readonly addedId: string;
  link(): ReturnType<typeof linkUser>;
  unlink(): ReturnType<typeof unlinkUser>;
  settle(): Promise<void>;
  userOf(id: string): Promise<StoredUser | undefined>;
  entryOf(sub: string, iss?: string): Promise<HeldEntry | undefined>;
  /** Every event that could not be applied. */
  failures(): Promise<readonly unknown[]>;
};

export const otherIssuer = "https://other.idp.test";
export const act = (): { readonly actor: string; readonly at: Date } => ({ actor: "test", at: new Date() });

/** Ann, applied on both sides; where the issuers are not told apart, `issuer` is the first connection's own. */
export async function createPerson(
  house: House,
  drain: Drain,
  { issuer = otherIssuer, sub = "ann.b" }: { readonly issuer?: string; readonly sub?: string } = {},
): Promise<Person> {
  const tenant = await createTenant(house);
  const other = await addConnection(house, tenant, issuer === "same" ? tenant.issuer : issuer);
  const userId = idOf(await tenant.scim("POST", "/Users", newUser("ann")));
  await applyAll(drain);
  const addedId = idOf(await other.scim("POST", "/Users", newUser(sub)));
  await applyAll(drain);
  const names = { userId, directoryUserId: addedId };
  const settle = async (): Promise<void> => {
    await applyAll(drain);
    await untilQuiet(house, tenant.id);
  };
  return {
    tenant,
    other,
    userId,
    addedId,
    link: () => linkUser(house.database, tenant.id, names, newId, act()),
    unlink: () => unlinkUser(house.database, tenant.id, names, newId, act()),
    settle,
    userOf: async (id) => (await readUserStore(house, tenant.id)).get(id),
    entryOf: async (named, iss = named === "ann" ? tenant.issuer : otherIssuer) => {
      const reader = openFeedReader({ url: house.url, feed: tenant.slug, token: tenant.feedToken });
      await reader.takeSnapshot();
      return reader.held.get(keyOf({ iss, sub: named }));
    },
    failures: () =>
      house.database.once(tenant.id, sql`SELECT id, kind, last_error FROM lifecycle_event WHERE attempts > 0`),
  };
}

export function idOf(answer: ScimAnswer): string {
  return String(answer.body["id"]);
}
