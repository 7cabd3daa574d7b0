import { status } from "@grpc/grpc-js";
import { createLog } from "@rollcall/core/runtime";
import { createGuard, type Guard, type GuardOptions } from "@rollcall/guard";
import { createScene } from "@rollcall/guard/testing";
import { expect, onTestFinished, test } from "vitest";
import { createAuthzGrpc, listenGrpc } from "./authz-grpc.ts";
import type { CheckRequest } from "./external-auth.ts";
import { createCheckClient } from "./testing/check-client.ts";

type Http = NonNullable<NonNullable<NonNullable<CheckRequest["attributes"]>["request"]>["http"]>;
const challenge = 'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"';

async function running(changes: Partial<GuardOptions> = {}, routeFrom?: string) {
  const scene = await createScene();
  const guard = createGuard({
    ...scene.options(),
    resolve: { url: scene.feed.resolveUrl, token: scene.feed.token },
    ...changes,
  });
  await guard.start();
  const server = createAuthzGrpc(guard, { routeFrom, log: createLog("authz", "silent") });
  const port = await listenGrpc(server, { host: "127.0.0.1", port: 0 });
  const client = createCheckClient(`127.0.0.1:${port}`);
  onTestFinished(async () => {
    client.close();
    server.forceShutdown();
    await guard.close();
  });
  const bearer = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await scene.issuer.mint(claims)}`,
  });
  return {
    ...scene,
    server,
    send: client.check,
    ask: (http: Http, extensions = {}) => client.check(asEnvoyAsks(http, extensions)),
    bearer,
  };
}

/** A question as Envoy puts it: pseudo-headers among the headers, and the route's context beside the request. */
function asEnvoyAsks(http: Http, extensions: Readonly<Record<string, string>>): CheckRequest {
  const { path = "/orders?id=7", headers } = http;
  const pseudo = { ":authority": "api.example", ":method": "GET", ":path": path, ":scheme": "https" };
  const rest = headers === undefined ? {} : { headers: { ...pseudo, ...headers, "x-request-id": "r1" } };
  return {
    attributes: {
      request: {
        http: { method: "GET", host: "api.example", scheme: "https", protocol: "HTTP/1.1", path, ...http, ...rest },
      },
      context_extensions: extensions,
    },
  };
}

function saidIn({ headers }: { readonly headers: readonly { readonly header: { key: string; value?: string } }[] }) {
  return Object.fromEntries(headers.map(({ header: { key, value } }) => [key, value]));
}

test("who may pass is named in headers that overwrite, and what stays unsaid is removed", async () => {
  const { ask, bearer, issuer, clock } = await running();
  const headers = { ...(await bearer()), "x-auth-tenant": "t9", x_auth_subject: "root" };
  const { status: told, ok_response: ok, denied_response: denied } = await ask({ headers });
  expect([told.code, denied]).toEqual([status.OK, undefined]);
  expect(saidIn(ok!)).toEqual({
    "x-auth-subject": "ada",
    "x-auth-issuer": issuer.origin,
    "x-revocation-as-of": String(clock.sec()),
    "x-revocation-cursor": "7-0",
  });
  expect(new Set(ok!.headers.map(({ append_action: action }) => action))).toEqual(
    new Set(["OVERWRITE_IF_EXISTS_OR_ADD"]),
  );
  expect(ok!.headers_to_remove).toEqual(
    expect.arrayContaining(["x-auth-tenant", "x-auth-user-id", "x-auth-groups", "x_auth_subject"]),
  );
  for (const name of ["x-auth-subject", "x-auth-issuer", "authorization"])
    expect(ok!.headers_to_remove).not.toContain(name);
});

test("every refused token is denied alike, with 401 said and not left to Envoy", async () => {
  const { ask, bearer, feed, issuer } = await running();
  feed.publish({ iss: issuer.origin, sub: "eve" });
  const leaver = await bearer({ sub: "eve" });
  await expect.poll(async () => (await ask({ headers: leaver })).status.code).toBe(status.UNAUTHENTICATED);
  const two = (await bearer()).authorization;
  for (const authorization of [
    leaver.authorization,
    "Bearer nonsense",
    `${two},${two}`,
    `Bearer ${"a".repeat(17_000)}`,
  ]) {
    const { status: told, ok_response: ok, denied_response: denied } = await ask({ headers: { authorization } });
    expect([told.code, denied!.status.code, ok]).toEqual([status.UNAUTHENTICATED, 401, undefined]);
    expect(denied!.body).toBe('{"type":"about:blank","status":401,"code":"token_invalid"}');
    expect(saidIn(denied!)).toEqual({
      "content-type": "application/problem+json",
      "cache-control": "no-store",
      "www-authenticate": challenge,
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
  }
});

test("a request without a token is told to bring one, however little Envoy says", async () => {
  const { ask, send } = await running();
  for (const response of [await ask({ headers: {} }), await send({}), await send({ attributes: {} })]) {
    expect(response.denied_response!.status.code).toBe(401);
    expect(saidIn(response.denied_response!)["www-authenticate"]).toBe('Bearer realm="api"');
  }
});

test("headers that Envoy sends raw are read, and of two tokens neither counts", async () => {
  const { ask, bearer } = await running();
  const raw = { key: "authorization", raw_value: Buffer.from((await bearer()).authorization) };
  const other = { key: "accept", raw_value: Buffer.from("*/*") };
  expect((await ask({ header_map: { headers: [other, raw] } })).status.code).toBe(status.OK);
  expect((await ask({ header_map: { headers: [raw, raw] } })).denied_response!.status.code).toBe(401);
});

test("where the guard cannot tell, it is denied with 503 and Retry-After, unless the route's owner chose otherwise", async () => {
  const stale = (route: string | undefined) => (route === "/menu" ? "allow" : "deny");
  const { ask, bearer, clock, feed } = await running({ stale }, "path");
  const headers = await bearer();
  feed.told.tamper = () => ({ status: 500 });
  clock.advanceSec(31);
  const { status: told, denied_response: denied } = await ask({ headers });
  expect([told.code, denied!.status.code, saidIn(denied!)["retry-after"]]).toEqual([status.UNAVAILABLE, 503, "1"]);
  expect((await ask({ headers, path: "/menu?day=1" })).status.code).toBe(status.OK);
  // What the route itself says goes before the path, which is the client's.
  expect((await ask({ headers, path: "/menu" }, { route: "/orders" })).denied_response!.status.code).toBe(503);
  expect((await ask({ headers, path: "/x" }, { route: "/menu" })).status.code).toBe(status.OK);
});

test("a guard that fails lets nobody pass, and tells nobody why", async () => {
  const failing = { check: () => Promise.reject(new Error("inside")) } as unknown as Guard;
  const server = createAuthzGrpc(failing, { log: createLog("authz", "silent") });
  const port = await listenGrpc(server, { host: "127.0.0.1", port: 0 });
  const client = createCheckClient(`127.0.0.1:${port}`);
  onTestFinished(() => {
    client.close();
    server.forceShutdown();
  });
  const answer = client.check(asEnvoyAsks({ headers: { authorization: "Bearer x" } }, {}));
  await expect(answer).rejects.toMatchObject({ code: status.INTERNAL, details: "the question was not answered" });
});

test("a question larger than any head of a request is not read", async () => {
  const { ask, bearer } = await running();
  const answer = ask({ headers: { ...(await bearer()), "x-large": "x".repeat(300_000) } });
  await expect(answer).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});

test("a stop waits for nobody who only keeps a connection open", async () => {
  const { ask, bearer, server } = await running();
  expect((await ask({ headers: await bearer() })).status.code).toBe(status.OK);
  await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
  await expect(ask({ headers: {} })).rejects.toMatchObject({ code: status.UNAVAILABLE });
});
