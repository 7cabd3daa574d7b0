import { randomUUID } from "node:crypto";
import type { JWTHeaderParameters } from "jose";
import type { House } from "./house.ts";
import { addSource, type HookSource } from "./hook-sender.ts";
import type { SigningIssuer } from "./signing-issuer.ts";
import type { TestTenant } from "./tenant.ts";

export const caep = "https://schemas.openid.net/secevent/caep/event-type/";
export const risc = "https://schemas.openid.net/secevent/risc/event-type/";
export const ssf = "https://schemas.openid.net/secevent/ssf/event-type/";
export const scimEvents = "urn:ietf:params:scim:event:";

export const audience = "https://rollcall.test/receiver";

/** What a transmitter says; what is left out is as a good transmitter would say it. */
export type Said = {
  readonly events: Readonly<Record<string, unknown>>;
  readonly sub_id?: unknown;
  readonly jti?: string;
  readonly iat?: number;
  readonly toe?: number;
  readonly iss?: string;
  readonly aud?: string | readonly string[];
};

export function setOf(transmitter: SigningIssuer, said: Said, header?: Partial<JWTHeaderParameters>): Promise<string> {
  return transmitter.sign(
    {
      iss: transmitter.issuer,
      aud: audience,
      jti: randomUUID(),
      iat: secondsOf(new Date()),
      txn: randomUUID(),
      ...said,
    } as Parameters<SigningIssuer["sign"]>[0],
    header,
  );
}

/** A source of a tenant's connection to which a transmitter pushes. */
export function addReceiver(
  house: House,
  tenant: Pick<TestTenant, "id" | "connectionId">,
  transmitter: Pick<SigningIssuer, "issuer">,
  settings: Readonly<Record<string, string>> = {},
): Promise<HookSource> {
  return addSource(house, tenant, "ssf_push", { issuer: transmitter.issuer, audience, ...settings });
}

export function push(
  { url }: Pick<HookSource, "url">,
  set: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(url, {
    method: "POST",
    headers: { "content-type": "application/secevent+jwt", accept: "application/json", ...headers },
    body: set,
  });
}

export function secondsOf(at: Date): number {
  return Math.floor(at.getTime() / 1_000);
}
