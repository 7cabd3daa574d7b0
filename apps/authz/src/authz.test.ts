import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createLog, createServer, createShutdown } from "@rollcall/core/runtime";
import { createGuard, type Guard, type GuardOptions, type ResolveAnswer } from "@rollcall/guard";
import { expect, onTestFinished, test } from "vitest";
import { createScene } from "@rollcall/guard/testing";
import { authzRoutes } from "./authz.ts";
import { identityHeaders } from "./identity-headers.ts";

type Answer = { readonly status: number | undefined; readonly headers: IncomingHttpHeaders; readonly body: string };
type Question = {
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
};

async function running(changes: Partial<GuardOptions> = {}, routeFrom?: string) {
  const scene = await createScene();
  const resolve = { url: scene.feed.resolveUrl, token: scene.feed.token };
  const guard = createGuard({ ...scene.options(), resolve, ...changes });
  await guard.start();
  const log = createLog("authz", "silent");
  const app = createServer(log, { ready: async () => true }, createShutdown(log, 1_000));
  await app.register(authzRoutes(guard, { routeFrom }));
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(async () => {
    await Promise.all([app.close(), guard.close()]);
  });
  const ask = (path: string, question: Question = {}) => exchange(origin, path, question);
  const bearer = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await scene.issuer.mint(claims)}`,
  });
  return { ...scene, ask, bearer };
}

test("on allow every X-Auth header is set, empty where there is nothing to say", async () => {
  const { ask, bearer, issuer, clock } = await running();
  const { status, headers, body } = await ask("/authz", { headers: await bearer() });
  expect(status).toBe(200);
  expect(body).toBe("");
  expect(headers).toMatchObject({
    "x-auth-subject": "ada",
    "x-auth-issuer": issuer.origin,
    "x-auth-tenant": "",
    "x-auth-user-id": "",
    "x-auth-groups": "",
    "x-revocation-as-of": String(clock.sec()),
    "x-revocation-cursor": "7-0",
    "cache-control": "no-store",
  });
});

test("Envoy is told to remove what stays empty, and every spelling that passes for one of ours", async () => {
  const { ask, bearer } = await running();
  const { headers } = await ask("/authz", { headers: await bearer() });
  const removed = String(headers["x-envoy-auth-headers-to-remove"]).split(",");
  expect(removed).toEqual(
    expect.arrayContaining([
      "x-auth-tenant",
      "x_auth_tenant",
      "x-auth_user-id",
      "x_revocation_as_of",
      "x.auth.subject",
    ]),
  );
  for (const name of identityHeaders) expect([name, removed.includes(name)]).toEqual([name, headers[name] === ""]);
  // A name with two hyphens has 3 × 3 spellings, itself among them, and one with three has 27.
  expect(removed).toHaveLength(5 * 8 + 2 * 26 + identityHeaders.filter((name) => headers[name] === "").length);
});

test("the header that says how far the feed was followed moves with the feed", async () => {
  const { ask, bearer, feed, issuer } = await running();
  const headers = await bearer();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const cursor = async () => (await ask("/authz", { headers })).headers["x-revocation-cursor"];
  await expect.poll(cursor).toBe("7-1");
});

test("what is no visible ASCII is percent-encoded, and no value can start another header", async () => {
  const active: ResolveAnswer = {
    status: "active",
    userId: "u 1",
    userName: "ada",
    groups: ["Zoë, ops", "50%", "a\r\nX-Evil: 1"],
  };
  const { ask, bearer, feed } = await running({ unknown: "resolve" });
  feed.told.resolve = () => active;
  const { headers } = await ask("/authz", { headers: await bearer({ sub: "łucja\n" }) });
  expect(headers).toMatchObject({ "x-auth-subject": "%C5%82ucja%0A", "x-auth-user-id": "u%201" });
  expect(String(headers["x-auth-groups"]).split(",").map(decodeURIComponent)).toEqual(active.groups);
  expect(headers["x-evil"]).toBeUndefined();
});

test("every refused token is refused alike", async () => {
  const { ask, bearer, feed, issuer, options } = await running();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const questions = [
    await bearer({ sub: "eve" }),
    await bearer({ exp: 1 }),
    await bearer({ iss: "https://evil.example" }),
    { authorization: "Bearer nonsense" },
    { authorization: `Bearer ${"a".repeat(17_000)}` },
    { authorization: "Bearer a b" },
  ];
  expect(options().stale).toBe("deny");
  await expect.poll(async () => (await ask("/authz", { headers: questions[0]! })).status).toBe(401);
  for (const headers of questions) {
    const answer = await ask("/authz", { headers });
    expect(answer.status).toBe(401);
    expect(answer.headers).toMatchObject({
      "www-authenticate":
        'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"',
      "content-type": expect.stringContaining("application/problem+json"),
      "cache-control": "no-store",
    });
    expect(answer.body).toBe('{"type":"about:blank","status":401,"code":"token_invalid"}');
    expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
  }
});

test("a request without a token is told to bring one, not that one is invalid", async () => {
  const { ask } = await running();
  for (const headers of [{}, { authorization: "Basic YTpi" }, { authorization: "Bearer" }, { authorization: "" }]) {
    const answer = await ask("/authz", { headers });
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="api"']);
    expect(answer.body).toBe('{"type":"about:blank","status":401,"code":"token_invalid"}');
  }
});

test("of two tokens neither counts, and a token outside the header does not either", async () => {
  const { ask, bearer } = await running();
  const { authorization } = await bearer();
  expect((await ask("/authz", { headers: { Authorization: [authorization, "Bearer other"] } })).status).toBe(401);
  expect((await ask(`/authz?access_token=${authorization.slice(7)}`)).status).toBe(401);
  expect((await ask("/authz", { headers: { authorization: authorization.replace("Bearer", "bEARER ") } })).status).toBe(
    200,
  );
});

test("a guard that fails lets nobody pass, and tells nobody why", async () => {
  const failing = { check: () => Promise.reject(new Error("inside")) } as unknown as Guard;
  const log = createLog("authz", "silent");
  const app = createServer(log, { ready: async () => true }, createShutdown(log, 1_000));
  await app.register(authzRoutes(failing));
  const origin = await app.listen({ host: "127.0.0.1", port: 0 });
  onTestFinished(() => app.close());
  const { status, headers, body } = await exchange(origin, "/authz", { headers: { authorization: "Bearer x" } });
  expect([status, headers["retry-after"]]).toEqual([503, "1"]);
  expect(body).toBe('{"type":"about:blank","status":503,"code":"authz_unavailable"}');
  expect((await exchange(origin, "/authz/nginx", {})).status).toBe(403);
});

test("a request with more headers than anyone needs is refused", async () => {
  const { ask, bearer } = await running();
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, index) => [`x-${index}`, "1"]));
  expect((await ask("/authz", { headers: { ...many, ...(await bearer()) } })).status).toBe(401);
});

test("any path is answered, however long, and none is taken for another", async () => {
  const { ask, bearer } = await running();
  const headers = await bearer();
  const paths = [
    "/",
    "/nginx/more",
    `/${"a".repeat(8_000)}`,
    `/${"a/".repeat(2_000)}`,
    "/%2e%2e/livez",
    "/../livez",
    "/..",
    "/a%2Fb;c",
  ];
  for (const path of paths) {
    expect([path, (await ask(`/authz${path}`, { headers })).status]).toEqual([path, 200]);
    expect([path, (await ask(`/authz${path}`)).status]).toEqual([path, 401]);
  }
  for (const path of ["/authzs", "/", "/AUTHZ"])
    expect([path, (await ask(path, { headers })).status]).toEqual([path, 404]);
  expect((await ask("/authz/%zz", { headers })).status).toBe(400);
});

test("any method on any path is answered, whatever its body", async () => {
  const { ask, bearer } = await running();
  const headers = await bearer();
  const body = "x".repeat(100_000);
  for (const method of ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "QUERY", "PURGE"]) {
    expect([method, (await ask("/authz/any/path?x=1", { method, headers })).status]).toEqual([method, 200]);
    expect([method, (await ask("/authz", { method })).status]).toEqual([method, 401]);
  }
  for (const type of ["application/json", "text/plain", "no media type at all;;", "multipart/form-data"]) {
    expect((await ask("/authz", { method: "POST", body, headers: { ...headers, "content-type": type } })).status).toBe(
      200,
    );
  }
});

test("where the guard cannot tell, it is 503 with Retry-After, and 403 for nginx", async () => {
  const { ask, bearer, clock, feed } = await running();
  const headers = await bearer();
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  const answer = await ask("/authz", { headers });
  expect([answer.status, answer.headers["retry-after"], answer.headers["www-authenticate"]]).toEqual([
    503,
    "1",
    undefined,
  ]);
  expect(JSON.parse(answer.body)).toMatchObject({ status: 503, code: "authz_unavailable" });
  expect((await ask("/authz/nginx", { headers })).status).toBe(403);
  expect((await ask("/authz/nginx")).status).toBe(401);
});

test("a route that may be served stale is taken only from where the configuration says", async () => {
  const stale = (route: string | undefined) => (route === "/menu" ? "allow" : "deny");
  const { ask, bearer, clock, feed } = await running({ stale }, "x-original-uri");
  const headers = await bearer();
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  expect((await ask("/authz", { headers: { ...headers, "x-original-uri": "/menu?day=1" } })).status).toBe(200);
  expect((await ask("/authz", { headers: { ...headers, "x-forwarded-uri": "/menu" } })).status).toBe(503);
  expect((await ask("/authz/menu", { headers })).status).toBe(503);
});

/** The path is sent as it is: no client's URL parser tidies it up. */
function exchange(origin: string, path: string, { method = "GET", headers = {}, body }: Question): Promise<Answer> {
  const { hostname, port } = new URL(origin);
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, path, method, headers }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
