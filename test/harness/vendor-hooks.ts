import { createHmac } from "node:crypto";
import type { SourceKind } from "@rollcall/core/domain";
import { readDelivery } from "../deliveries/read-delivery.ts";
import { addSource, type HookSource } from "./hook-sender.ts";
import type { House } from "./house.ts";
import { newUser, type TestTenant } from "./tenant.ts";

export type Vendor = {
  readonly kind: SourceKind;
  readonly settings: Readonly<Record<string, string>>;
  /** The headers that make a body the vendor's. */
  readonly prove: (secret: string, body: string, atMs?: number) => Record<string, string>;
  /** A recorded delivery by which somebody leaves, and the vendor's own id of them. */
  readonly leaver: string;
  readonly subject: string;
  /** A body of a type that nobody knows. */
  readonly unknown: string;
};

const hex = (secret: string, text: string): string => createHmac("sha256", secret).update(text).digest("hex");
const keycloak = {
  kind: "keycloak",
  leaver: "keycloak/user-disable.json",
  subject: "3f0c9a52-9f53-4a39-8fd4-1f0f7c7a2a01",
  unknown: '{"uid":"u","type":"admin.CLIENT-CREATE","resourcePath":"clients/1"}',
} as const;

/** Who sends webhooks of their own kind, by name. */
export const vendors = {
  okta: {
    kind: "okta",
    settings: {},
    prove: (secret) => ({ authorization: secret }),
    leaver: "okta/leaver.json",
    subject: "ann",
    unknown: '{"data":{"events":[{"uuid":"u","eventType":"user.session.start"}]}}',
  },
  auth0: {
    kind: "auth0",
    settings: { connection: "acme-users" },
    prove: (secret) => ({ authorization: `Bearer ${secret}` }),
    leaver: "auth0/blocked.json",
    subject: "auth0|507f1f77",
    unknown: '{"id":"evt_u","type":"connection.created","data":{}}',
  },
  auth0_logs: {
    kind: "auth0_logs",
    settings: {},
    prove: (secret) => ({ authorization: secret }),
    leaver: "auth0-logs/batch.json",
    subject: "auth0|ann",
    unknown: '[{"log_id":"u","data":{"type":"gd_start_auth"}}]',
  },
  keycloak_hmac: {
    ...keycloak,
    settings: { verification: "hmac" },
    prove: (secret, body) => ({ "x-keycloak-signature": hex(secret, body) }),
  },
  keycloak_bearer: {
    ...keycloak,
    settings: { verification: "bearer" },
    prove: (secret) => ({ authorization: `Bearer ${secret}` }),
  },
  workos: {
    kind: "workos",
    settings: { directory: "directory_01ECAZ4NV9QMV47GW873HDCX74" },
    prove: (secret, body, atMs = Date.now()) => ({
      "workos-signature": `t=${atMs}, v1=${hex(secret, `${atMs}.${body}`)}`,
    }),
    leaver: "workos/inactive.json",
    subject: "ann",
    unknown: '{"id":"event_u","event":"dsync.activated","data":{}}',
  },
} as const satisfies Readonly<Record<string, Vendor>>;

export type VendorName = keyof typeof vendors;

export const vendorNames = Object.keys(vendors) as readonly VendorName[];

/** A source of this vendor's; settings that are given stand beside its usual ones. */
export function addVendor(
  house: House,
  tenant: TestTenant,
  name: VendorName,
  settings: Readonly<Record<string, string>> = {},
): Promise<HookSource> {
  const vendor: Vendor = vendors[name];
  return addSource(house, tenant, vendor.kind, { ...vendor.settings, ...settings });
}

/** Sends a body as the vendor does; `headers` stand in place of the vendor's where they are given. */
export function post(
  source: HookSource,
  name: VendorName,
  body: string,
  headers: Record<string, string> = vendors[name].prove(source.secret, body),
): Promise<Response> {
  return fetch(source.url, { method: "POST", headers: { "content-type": "application/json", ...headers }, body });
}

/** Sends a recorded delivery. */
export function deliver(source: HookSource, name: VendorName, file: string): Promise<Response> {
  return post(source, name, readDelivery(file));
}

/** Users whom the provider has provisioned by SCIM, by its own ids. */
export async function provision(tenant: TestTenant, ...subjects: readonly string[]): Promise<void> {
  for (const subject of subjects) {
    const answer = await tenant.scim("POST", "/Users", newUser(subject));
    if (answer.status !== 201) throw new Error(`${subject} was not created: ${answer.status}`);
  }
}

/** Whether SCIM says that a user is active; undefined where there is no such user. */
export async function isActive(tenant: TestTenant, subject: string): Promise<boolean | undefined> {
  const { body } = await tenant.scim("GET", `/Users?filter=${encodeURIComponent(`externalId eq "${subject}"`)}`);
  const [user] = body["Resources"] as readonly { readonly active: boolean }[];
  return user?.active;
}
