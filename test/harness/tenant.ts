import { randomBytes } from "node:crypto";
import { newId } from "@rollcall/core/runtime";
import type { House } from "./house.ts";

export type TestTenant = {
  readonly id: string;
  readonly slug: string;
  readonly connectionId: string;
  readonly issuer: string;
  readonly scimToken: string;
  readonly feedToken: string;
  /** Speaks SCIM as this tenant's identity provider, to its house or to another of the same database. */
  scim(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
    url?: string,
  ): Promise<ScimAnswer>;
};

export type ScimAnswer = { readonly status: number; readonly headers: Headers; readonly body: Record<string, unknown> };

export type TenantOptions = {
  readonly kind?: string;
  /** Rules of the dialect that an admin has set. */
  readonly dialect?: Readonly<Record<string, string>>;
  readonly issuer?: string;
  readonly subjectAttribute?: string;
  readonly subjectCompare?: string;
};

/** A tenant of the test's own, with one SCIM connection and its tokens. */
export async function createTenant(house: House, options: TenantOptions = {}): Promise<TestTenant> {
  const id = newId();
  const slug = `t-${randomBytes(6).toString("hex")}`;
  const connectionId = newId();
  const issuer = options.issuer ?? `https://idp.${slug}.test`;
  await house.database.housePrisma.tenant.create({ data: { id, slug, name: slug } });
  await house.database.prismaIn(id, (prisma) =>
    prisma.connection.create({
      data: {
        id: connectionId,
        tenantId: id,
        slug: "idp",
        name: "IdP",
        kind: options.kind ?? "scim",
        dialect: options.dialect ?? {},
        issuers: [issuer],
        subjectAttribute: options.subjectAttribute ?? "externalId",
        subjectCompare: options.subjectCompare ?? "exact",
      },
    }),
  );
  const scim = await house.credentials.issue({ purpose: "scim", tenantId: id, connectionId, label: "test" });
  const feed = await house.credentials.issue({ purpose: "feed", tenantId: id, label: "test" });
  return {
    id,
    slug,
    connectionId,
    issuer,
    scimToken: scim.token,
    feedToken: feed.token,
    scim: (method, path, body, headers, url = house.url) => sendScim(url, scim.token, method, path, body, headers),
  };
}

/** Another identity provider of the same tenant. */
export async function addConnection(
  house: House,
  tenant: TestTenant,
  issuer: string,
  subjectAttribute = "externalId",
): Promise<Pick<TestTenant, "scim" | "connectionId">> {
  const connectionId = newId();
  await house.database.prismaIn(tenant.id, (prisma) =>
    prisma.connection.create({
      data: {
        id: connectionId,
        tenantId: tenant.id,
        slug: `idp-${connectionId}`,
        name: "IdP",
        kind: "scim",
        issuers: [issuer],
        subjectAttribute,
      },
    }),
  );
  const { token } = await house.credentials.issue({
    purpose: "scim",
    tenantId: tenant.id,
    connectionId,
    label: "test",
  });
  return {
    connectionId,
    scim: (method, path, body, headers, url = house.url) => sendScim(url, token, method, path, body, headers),
  };
}

async function sendScim(
  url: string,
  token: string,
  method: string,
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<ScimAnswer> {
  const response = await fetch(`${url}/scim/v2${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { "content-type": "application/scim+json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

/** A user as a provider would create them; the token's subject is `externalId`. */
export function newUser(externalId: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:User"],
    userName: `${externalId}@example.test`,
    externalId,
    active: true,
    ...more,
  };
}

export function newGroup(displayName: string, members: readonly string[] = []): Record<string, unknown> {
  return {
    schemas: ["urn:ietf:params:scim:schemas:core:2.0:Group"],
    displayName,
    members: members.map((value) => ({ value })),
  };
}

/** A PATCH body (RFC 7644 §3.5.2). */
export function patch(...operations: readonly Record<string, unknown>[]): Record<string, unknown> {
  return { schemas: ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], Operations: operations };
}

export const deactivate = patch({ op: "replace", value: { active: false } });
export const reactivate = patch({ op: "replace", value: { active: true } });
