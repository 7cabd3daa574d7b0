import { createGuard, type Guard } from "@rollcall/guard";
import { newId } from "@rollcall/core/runtime";
import { sql } from "@rollcall/core/store";
import { afterAll, expect, onTestFinished } from "vitest";
import { createIssuer, type Issuer } from "../../apps/guard/src/testing/issuer.ts";
import { type Admin, type AdminAnswer, adminOf } from "./admin.ts";
import type { House } from "./house.ts";
import { createTenant, type TestTenant } from "./tenant.ts";

export type ProvisioningScene = {
  readonly house: House;
  readonly tenant: TestTenant;
  readonly admin: Admin;
  readonly issuer: Issuer;
  /** A token that says enough of somebody to make a user of them. */
  readonly mint: (sub: string, claims?: Record<string, unknown>) => Promise<string>;
  /** Changes the connection. */
  readonly set: (body: object) => Promise<AdminAnswer>;
};

export type ProvisioningOptions = {
  /** Another scene's, where tenants share one. */
  readonly issuer?: Issuer;
  readonly attribute?: string;
  /** Settings of the connection in place of those that make users. */
  readonly settings?: object;
};

export type DirectoryRow = { readonly id: string; readonly deleted: boolean };

export const nowSec = (): number => Math.floor(Date.now() / 1_000);

/** A tenant whose connection makes users from tokens, and their issuer. */
export async function openProvisioning(
  house: House,
  { settings = {}, attribute, ...options }: ProvisioningOptions = {},
): Promise<ProvisioningScene> {
  const issuer = options.issuer ?? (await openIssuer());
  const tenant = await createTenant(house, {
    issuer: issuer.origin,
    ...(attribute === undefined ? {} : { subjectAttribute: attribute }),
  });
  const admin = await adminOf(house, tenant);
  const set = (body: object) => admin("PATCH", `/tenants/${tenant.slug}/connections/idp`, body);
  const answer = await set({ audience: "api", justInTime: { enabled: true }, ...settings });
  expect(answer.status).toBe(200);
  const mint: ProvisioningScene["mint"] = (sub, claims = {}) =>
    issuer.mint({ sub, preferred_username: `${sub}@example.test`, name: `Dr ${sub}`, ...claims });
  return { house, tenant, admin, issuer, mint, set };
}

/** An issuer of the test's own. */
export async function openIssuer(): Promise<Issuer> {
  const issuer = await createIssuer({ sec: nowSec });
  onTestFinished(() => issuer.close());
  return issuer;
}

/** A gateway of the scene's tenant, which asks about whom it does not know. */
export async function openGuard({ house, tenant, issuer }: ProvisioningScene): Promise<Guard> {
  const token = tenant.feedToken;
  const guard = createGuard({
    issuers: [{ issuer: issuer.origin, audience: "api" }],
    feed: { url: `${house.url}/v1/feeds/${tenant.slug}`, token, gateway: `gateway-${newId()}` },
    stale: "deny",
    unknown: "resolve",
    resolve: { url: `${house.url}/v1/resolve`, token },
  });
  await guard.start();
  afterAll(() => guard.close());
  return guard;
}

/** Asks as a gateway may that takes nobody's word and gives any: whatever token, whatever deadline. */
export async function ask(
  { house, tenant, issuer }: Pick<ProvisioningScene, "house" | "tenant" | "issuer">,
  question: { readonly sub: string; readonly token?: string; readonly deadline_ms?: number },
): Promise<Record<string, unknown>> {
  const response = await fetch(`${house.url}/v1/resolve`, {
    method: "POST",
    headers: { authorization: `Bearer ${tenant.feedToken}`, "content-type": "application/json" },
    body: JSON.stringify({ iss: issuer.origin, ...question }),
  });
  return (await response.json()) as Record<string, unknown>;
}

/** Everybody whom the tenant's directory has ever had. */
export function directoryOf({ house, tenant }: ProvisioningScene): Promise<readonly DirectoryRow[]> {
  return house.database.once<DirectoryRow>(
    tenant.id,
    sql`SELECT id, deleted_at IS NOT NULL AS deleted FROM directory_user ORDER BY id`,
  );
}

/** What a SCIM answer calls its resource. */
export function idOf(answer: { readonly body: Record<string, unknown> }): string {
  return answer.body["id"] as string;
}
