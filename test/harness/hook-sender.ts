import { createHmac, randomUUID } from "node:crypto";
import { newId } from "@rollcall/core/runtime";
import { createSource, sealSecret, sourceSecretPurpose } from "@rollcall/core/store";
import type { SourceKind } from "@rollcall/core/domain";
import type { House } from "./house.ts";
import type { TestTenant } from "./tenant.ts";

export type HookSource = { readonly id: string; readonly url: string; readonly secret: string };

/** A source of the tenant's connection, as an admin would have made it. */
export async function addSource(
  house: House,
  tenant: Pick<TestTenant, "id" | "connectionId">,
  kind: SourceKind,
  settings: Readonly<Record<string, string>> = {},
  secret = `whsec_${Buffer.from(randomUUID()).toString("base64")}`,
): Promise<HookSource> {
  const id = newId();
  const sealed = sealSecret(house.credentials.keyFor(sourceSecretPurpose), id, secret);
  const source = { id, connectionId: tenant.connectionId, kind, name: kind, settings, secret: sealed };
  await createSource(house.database, tenant.id, source, "test");
  return { id, url: `${house.url}/hooks/${id}`, secret };
}

export type Told = {
  readonly id?: string;
  readonly type: string;
  /** When it happened; undefined where the sender does not say. */
  readonly at?: Date | undefined;
  readonly data: Readonly<Record<string, unknown>>;
  /** When it is signed. */
  readonly signedAt?: Date;
};

/** Sends what Standard Webhooks would, to the house or to another door of it. */
export async function tell(source: HookSource, told: Told, url = source.url): Promise<Response> {
  const id = told.id ?? `msg_${randomUUID()}`;
  const body = JSON.stringify({
    type: told.type,
    ...(told.at === undefined ? {} : { timestamp: told.at.toISOString() }),
    data: told.data,
  });
  const timestamp = String(Math.floor((told.signedAt ?? new Date()).getTime() / 1_000));
  const key = Buffer.from(source.secret.replace(/^whsec_/, ""), "base64");
  const signature = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  return fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": `v1,${signature}`,
    },
    body,
  });
}
