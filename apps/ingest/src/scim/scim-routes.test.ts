import { type Connection, DirectoryError, type ErrorCode } from "@rollcall/core/domain";
import Fastify, { type FastifyInstance, type InjectOptions } from "fastify";
import { expect, test } from "vitest";
import { writeUnlessRaced } from "./conditional-write.ts";
import type { ScimDeps } from "./scim-door.ts";
import { standardSchemas } from "./schema.ts";
import { scimErrors } from "./scim-error.ts";
import { scimRoutes } from "./scim-routes.ts";

const connection: Connection = {
  id: "c-1",
  tenantId: "t-1",
  slug: "okta",
  name: "Okta",
  kind: "scim",
  dialect: {},
  issuers: [],
  audience: undefined,
  subjectClaim: "sub",
  subjectRule: "attribute",
  subjectAttribute: "externalId",
  subjectCompare: "exact",
  tokenLifetimeSec: 3600,
  schemasVersion: 0,
  rates: {},
};

// What is refused at the door must never come as far as the directory.
function unreachable(room: string): never {
  throw new Error(`${room} was reached`);
}

function sealed<Room extends object>(name: string): Room {
  return new Proxy({}, { get: () => unreachable(name) }) as Room;
}

async function door(): Promise<FastifyInstance> {
  const app = Fastify();
  const deps: ScimDeps = {
    users: sealed("users"),
    groups: sealed("groups"),
    lists: sealed("lists"),
    cursors: sealed("cursors"),
    authenticate: (token) =>
      Promise.resolve(token === "good" ? { tenantId: "t-1", connection, userId: undefined } : undefined),
    admission: { take: () => Promise.resolve(), turn: () => Promise.resolve(() => undefined) },
    resourceNames: () => unreachable("names"),
    together: () => unreachable("together"),
    schemasOf: () => Promise.resolve(standardSchemas),
    wake: () => unreachable("wake"),
    publicUrl: "https://rollcall.ex.test",
    newId: () => "r-1",
  };
  await app.register(scimRoutes(deps), { prefix: "/scim/v2" });
  return app;
}

async function ask(request: InjectOptions) {
  const app = await door();
  const response = await app.inject(request);
  await app.close();
  return response;
}

const good = { authorization: "Bearer good" };
const post = (headers: { readonly [name: string]: string }, payload: string | Buffer = '{"userName":""}') =>
  ask({ method: "POST", url: "/scim/v2/Users", headers: { ...good, ...headers }, payload });

const everyPath = [
  "",
  "/",
  "/Users",
  "/Users/",
  "/Users/1",
  "/%55sers",
  "/%2FUsers",
  "//Users",
  "/Users;x",
  "/Users/../Users",
  "/Nothing",
  "/Bulk",
  "/Me",
  "/Schemas",
];
const everyMethod = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"];
const nobody = {
  schemas: ["urn:ietf:params:scim:api:messages:2.0:Error"],
  status: "401",
  detail: "a valid bearer token is required",
};

test("401: nothing below the prefix answers without a token, whatever the path, the method and the body", async () => {
  const app = await door();
  const headers = { "content-type": "text/evil", "x-http-method-override": "GET" };
  for (const path of everyPath) {
    for (const method of everyMethod) {
      const response = await app.inject({ method: method as "GET", url: `/scim/v2${path}`, headers, payload: "{" });
      expect([method, path, response.statusCode, response.headers["www-authenticate"]]).toEqual([
        method,
        path,
        401,
        "Bearer",
      ]);
      if (method !== "HEAD") expect(response.json()).toEqual(nobody);
    }
  }
  await app.close();
});

test("401: only a bearer token that names a connection counts", async () => {
  for (const authorization of [
    "",
    "Bearer",
    "Bearer ",
    "Basic good",
    "good",
    "Bearer bad",
    "Bearer good good",
    "Bearer good,bad",
  ]) {
    expect((await ask({ url: "/scim/v2/Users", headers: { authorization } })).statusCode).toBe(401);
  }
});

test("404 and 405: a known caller hears what there is and what it can do", async () => {
  for (const url of [
    "/scim/v2/Nothing",
    "/scim/v2/Users/1/x",
    "/scim/v2/Users/1",
    "/scim/v2/Groups/..%2f1",
    "/scim/v2/Schemas/urn:x",
  ]) {
    const response = await ask({ url, headers: good });
    expect([url, response.statusCode, response.json()]).toMatchObject([
      url,
      404,
      { status: "404", detail: "no such resource" },
    ]);
  }
  const wrong = await ask({ method: "DELETE", url: "/scim/v2/Users", headers: good });
  expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, "GET, HEAD, POST, OPTIONS"]);
  expect((await ask({ method: "POST", url: "/scim/v2/Groups/1/", headers: good })).headers.allow).toBe(
    "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
  );
});

test("204: a known caller is told what a path takes, and that a path takes nothing", async () => {
  const asked = await ask({ method: "OPTIONS", url: "/scim/v2/Schemas/urn:x", headers: good });
  expect([asked.statusCode, asked.headers.allow, asked.body]).toEqual([204, "GET, HEAD, OPTIONS", ""]);
  expect((await ask({ method: "OPTIONS", url: "/scim/v2/Nothing", headers: good })).statusCode).toBe(404);
});

test("406: who takes no JSON is told so before anything is read, and a write is not refused for it", async () => {
  const accept = "text/html, application/json;q=0";
  expect((await ask({ url: "/scim/v2/Users", headers: { ...good, accept } })).statusCode).toBe(406);
  expect((await post({ accept, "content-type": "application/scim+json" })).statusCode).toBe(400);
});

test("400: a search that asks nothing is no search", async () => {
  for (const url of ["/.search", "/Users/.search", "/Groups/.search/"]) {
    const response = await ask({ method: "POST", url: `/scim/v2${url}`, headers: good });
    expect([url, response.statusCode, response.json<{ scimType: string }>().scimType]).toEqual([
      url,
      400,
      "invalidSyntax",
    ]);
  }
  const wrong = await ask({ method: "GET", url: "/scim/v2/.search", headers: good });
  expect([wrong.statusCode, wrong.headers.allow]).toEqual([405, "POST, OPTIONS"]);
});

test("415: a body of another media type or encoding is not read", async () => {
  const wrong = [
    "text/json",
    "application/xml",
    "application/jsonx",
    "application/json\ta",
    "application/json\t; a=b",
    " application/json",
    "application/json;charset",
    "application/json, text/plain",
  ];
  for (const type of wrong) expect([type, (await post({ "content-type": type })).statusCode]).toEqual([type, 415]);
  for (const encoding of ["gzip", "br", "deflate", "gzip, identity"]) {
    expect((await post({ "content-type": "application/json", "content-encoding": encoding })).statusCode).toBe(415);
  }
  for (const type of [
    "application/json",
    "application/scim+json",
    "APPLICATION/SCIM+JSON; charset=utf-8",
    'application/json ; a="b c"',
  ]) {
    expect([type, (await post({ "content-type": type })).statusCode]).toEqual([type, 400]);
  }
});

test("413 and 400: a body too large, too deep, or no JSON", async () => {
  const json = { "content-type": "application/scim+json" };
  expect((await post(json, `{"userName":"${"a".repeat(1024 * 1024)}"}`)).statusCode).toBe(413);
  for (const body of [
    "",
    "{",
    "[".repeat(1000),
    '{"a":1,"a":1}',
    '{"__proto__":{}}',
    "[]",
    Buffer.from([0x7b, 0xff]),
  ]) {
    const response = await post(json, body);
    expect([response.statusCode, response.json<{ scimType: string }>().scimType]).toEqual([400, "invalidSyntax"]);
  }
});

test("500: an outage says nothing about itself", async () => {
  const response = await ask({ url: "/scim/v2/Users", headers: good });
  expect([response.statusCode, response.json<{ detail: string }>().detail]).toEqual([500, "internal error"]);
});

test("discovery answers a known caller", async () => {
  for (const url of [
    "/ServiceProviderConfig",
    "/Schemas/",
    "/ResourceTypes/User",
    "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User",
  ]) {
    const response = await ask({ url: `/scim/v2${url}`, headers: good });
    expect([url, response.statusCode, response.headers["content-type"]]).toEqual([
      url,
      200,
      "application/scim+json; charset=utf-8",
    ]);
  }
});

test("a race is run five times, and not once more for a sender who named a version", async () => {
  const race = (ifMatch: string | undefined, lost: number) => {
    let tried = 0;
    const outcome = writeUnlessRaced(ifMatch, () => {
      tried += 1;
      return tried <= lost ? Promise.reject(new DirectoryError("version_conflict", "raced")) : Promise.resolve(tried);
    });
    return outcome.catch((error: unknown) => (error instanceof DirectoryError ? error.code : "threw"));
  };
  expect(await race(undefined, 4)).toBe(5);
  expect(await race(undefined, 5)).toBe<ErrorCode>("unavailable");
  expect(await race('W/"1"', 1)).toBe<ErrorCode>("version_conflict");
  expect(scimErrors.unavailable.status).toBe(503);
});
