import { describe, expect, test } from "vitest";
import { adminOf } from "../harness/admin.ts";
import { type ApiRoute, readApiDescription, routeName } from "../harness/api-description.ts";
import { openHouse } from "../harness/house.ts";
import { createTiedTwin } from "../harness/tied-twin.ts";
import { matrix } from "./isolation-matrix.ts";

const house = await openHouse();
const twin = await createTiedTwin(house);
const { routes } = await readApiDescription(house);
const operator = await house.credentials.issue({ purpose: "admin", tenantId: undefined, label: "story" });
const tenant = `/v1/admin/tenants/${twin.slug}`;

type Ask = { readonly path: string; readonly body?: unknown };

/** What no form sends, and whoever means harm does. */
const odd: readonly unknown[] = [
  "",
  " ",
  "\0",
  "a\0b",
  "\ud800",
  "\udc00x",
  "\u{1f600}",
  "x".repeat(5_000),
  "constructor",
  "__proto__",
  "../..",
  "%00",
  "null",
  "0000-01-01T00:00:00Z",
  "9999-12-31T23:59:59-23:59",
  "2026-02-30T00:00:00Z",
  "00000000-0000-0000-0000-000000000000",
  "WzEsMl0",
  Buffer.from('["sub","\\ud800","\\ud800"]').toString("base64url"),
  Buffer.from('["0000-01-01 00:00:00+00","1"]').toString("base64url"),
  0,
  -1,
  0.5,
  1e308,
  2 ** 63,
  true,
  null,
  [],
  ["x"],
  [[[]]],
  {},
  { constructor: "x" },
  { toString: "x", x: { y: "\0" } },
];

/** What a route takes beyond what the matrix asks of it. */
const bodies: Readonly<Record<string, readonly object[]>> = {
  "POST /v1/explain": [
    { token: "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.x" },
    { sub: "x", iss: "https://login.twins.test" },
    { email: "x@example.test" },
    { requestId: "x" },
    { line: '{"sub":"x","iss":"y","time":"2026-11-22T10:00:00Z","reason":"revoked"}' },
    { from: "2026-11-22T10:00:00Z", to: "2026-11-22T11:00:00Z" },
  ].map((body) => ({ tenant: twin.slug, ...body })),
  "PATCH /v1/admin/tenants/:tenant/connections/:connection": [
    {
      issuers: ["https://login.twins.test"],
      audience: "api",
      subjectClaim: "sub",
      subjectAttribute: "externalId",
      tokenLifetimeSec: 600,
      rates: { reads: 10 },
      dialect: {},
      justInTime: {
        enabled: true,
        claims: { userName: "email" },
        required: ["userName"],
        match: { org: "x" },
        services: [{ claim: "sub", prefix: "x" }],
      },
      pull: { everySec: 600, brakeShare: 0.1, brakeCount: 1 },
    },
  ],
  "PUT /v1/admin/tenants/:tenant/connections/:connection/provider": [
    { kind: "scim", settings: { url: "https://idp.example", "pace.perSec": "1" }, secret: "x" },
  ],
};

describe.each(routes.filter(isAnswered).map((route) => [routeName(route), route] as const))(
  "however odd what it is asked, it is no outage: %s",
  (name, route) => {
    test("by its address, its query and its body", async () => {
      const base = await asked(name);
      const asks = base.flatMap((ask) => [...inPath(name, ask), ...inQuery(route, ask), ...inBody(ask)]);
      const failed: string[] = [];
      for (let from = 0; from < asks.length; from += 16)
        await Promise.all(
          asks.slice(from, from + 16).map(async (ask) => {
            const { status, text } = await send(route, ask);
            if (status >= 500) failed.push(`${status} ${ask.path} ${JSON.stringify(ask.body)} ${text}`);
          }),
        );
      expect(failed).toEqual([]);
    });
  },
);

test("nor is it one whatever a token says that somebody wants explained", async () => {
  const admin = await adminOf(house, twin);
  const made = await admin("POST", `/tenants/${twin.slug}/connections`, {
    slug: "makes",
    issuers: ["https://makes.twins.test"],
    justInTime: { enabled: true, claims: { userName: "email", displayName: "name" }, required: ["userName"] },
  });
  expect(made.status).toBe(201);
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const [explain] = routes.filter(({ path }) => path === "/v1/explain");
  if (explain === undefined) throw new Error("nothing explains");
  const failed: unknown[] = [];
  // All at once: nobody answers where this issuer says that its keys are.
  await Promise.all(
    ["iss", "sub", "aud", "exp", "iat", "sid", "jti", "email"].flatMap((claim) =>
      odd.map(async (value) => {
        const own = { iss: "https://makes.twins.test", sub: "00u1", email: "ann@example.test", exp: 4e9 };
        const token = `${part({ alg: "none", kid: value, typ: value })}.${part({ ...own, [claim]: value })}.x`;
        const { status, text } = await send(explain, { path: "/v1/explain", body: { token, tenant: twin.slug } });
        if (status >= 500) failed.push([claim, value, text]);
      }),
    ),
  );
  expect(failed).toEqual([]);
});

/** The stream has no end, and a provider is tried for as long as nobody answers. */
function isAnswered(route: ApiRoute): boolean {
  return !/\/stream$|\/provider\/test$|\/login\/(?:start|callback)$/.test(route.path);
}

async function asked(name: string): Promise<readonly Ask[]> {
  const row = matrix[name];
  const own = await row?.own?.(twin);
  const { path, body } = own ?? { path: name.split(" ")[1] ?? "", body: undefined };
  return [{ path, body }, ...(bodies[name] ?? []).map((more) => ({ path, body: more }))];
}

/** Each part of the address that the route leaves open, but for the tenant's. */
function inPath(name: string, { path, body }: Ask): readonly Ask[] {
  const [bare = "", query = ""] = path.split("?");
  const parts = bare.split("/");
  const open = (name.split(" ")[1] ?? "").split("/").flatMap((part, at) => (part.startsWith(":") ? [at] : []));
  return open.flatMap((at) =>
    odd
      .filter((value) => typeof value === "string" && value.isWellFormed() && value !== "../..")
      .map((value) => ({
        path: `${parts.with(at, encodeURIComponent(value as string)).join("/")}${query === "" ? "" : `?${query}`}`,
        body,
      })),
  );
}

function inQuery({ operation: { parameters = [] } }: ApiRoute, { path, body }: Ask): readonly Ask[] {
  const [bare = ""] = path.split("?");
  return parameters
    .filter((parameter) => parameter.in === "query")
    .flatMap(({ name }) => [
      { path: `${bare}?${name}=1&${name}=2`, body },
      { path: `${bare}?${name}[a]=1`, body },
      { path: `${bare}?${name}=%ED%A0%80`, body },
      ...odd.map((value) => ({ path: `${bare}?${name}=${encodeURIComponent(textOf(value))}`, body })),
    ]);
}

function textOf(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();
}

/** Each value of the body, and the body itself. */
function inBody({ path, body }: Ask): readonly Ask[] {
  if (body === undefined) return [];
  return [...replaced(body, 0)].map((changed) => ({ path, body: changed }));
}

function* replaced(value: unknown, depth: number): Generator<unknown> {
  for (const one of odd) yield one;
  if (typeof value !== "object" || value === null || depth > 4) return;
  for (const [name, own] of Object.entries(value))
    for (const changed of replaced(own, depth + 1))
      yield Array.isArray(value) ? value.with(Number(name), changed) : { ...value, [name]: changed };
}

async function send({ method, operation }: ApiRoute, { path, body }: Ask) {
  const isHouse = operation["x-rollcall-house"] === true;
  const answer = await fetch(`${house.url}${path}`, {
    method,
    redirect: "manual",
    headers: {
      authorization: `Bearer ${isHouse || !path.startsWith(tenant) ? operator.token : twin.adminToken}`,
      ...(body === undefined ? {} : { "content-type": "application/json" }),
    },
    ...(body === undefined || method === "GET" ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}
