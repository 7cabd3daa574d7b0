import { createServer, request as httpRequest, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { Hono } from "hono";
import { describe, expect, onTestFinished, test } from "vitest";
import { createLog, createServer as createFastify, createShutdown } from "@rollcall/core/runtime";
import type { Guard, GuardOptions } from "@rollcall/guard";
import { bearerOf as bearerOfExpress, protect as protectExpress } from "@rollcall/guard/express";
import { bearerOf as bearerOfFastify, protect as protectFastify } from "@rollcall/guard/fastify";
import { bearerOf as bearerOfHono, protect as protectHono } from "@rollcall/guard/hono";
import { protect as protectHttp } from "@rollcall/guard/http";
import { createScene } from "@rollcall/guard/testing";

type Answer = { readonly status: number; readonly headers: Readonly<Record<string, unknown>>; readonly body: string };
type Ask = (path: string, headers?: Record<string, string | string[]>) => Promise<Answer>;
/** An application of one framework that says who its caller is; what it answers to whom does not pass is the adapter's. */
type Application = (guard: Guard) => Promise<Ask>;

const overHttp =
  (listener: (guard: Guard) => RequestListener): Application =>
  async (guard) => {
    const server = createServer(listener(guard));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      server.close();
      server.closeAllConnections();
    });
    return (path, headers = {}) =>
      exchange(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, headers);
  };

const applications: Readonly<Record<string, Application>> = {
  "node:http": overHttp((guard) => protectHttp(guard, (_request, response, bearer) => void response.end(bearer.sub))),
  Express: overHttp((guard) => {
    const app = express().disable("x-powered-by").disable("etag");
    app.use(protectExpress(guard));
    app.get("/{*path}", (request, response) => void response.send(bearerOfExpress(request).sub));
    return app as RequestListener;
  }),
  Fastify: async (guard) => {
    const log = createLog("adapters", "silent");
    const app = createFastify(log, { ready: async () => true }, createShutdown(log, 1_000));
    app.addHook("onRequest", protectFastify(guard));
    app.get("/*", async (request) => bearerOfFastify(request).sub);
    app.get("/menu", async (request) => bearerOfFastify(request).sub);
    const origin = await app.listen({ host: "127.0.0.1", port: 0 });
    onTestFinished(() => app.close());
    return (path, headers = {}) => exchange(`${origin}${path}`, headers);
  },
  Hono: async (guard) => {
    const app = new Hono();
    app.use(protectHono(guard));
    app.get("/*", (context) => context.text(bearerOfHono(context).sub));
    return async (path, headers = {}) => {
      const pairs = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => [name, one]));
      const answer = await app.request(path, { headers: pairs as [string, string][] });
      return { status: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() };
    };
  },
};

async function running(application: Application, changes: Partial<GuardOptions> = {}) {
  const scene = await createScene();
  scene.feed.publish({ iss: scene.issuer.origin, sub: "eve" });
  const guard = await scene.guard(changes);
  await expect.poll(() => guard.status().feed?.seq).toBe(1);
  const bearer = async (claims: Record<string, unknown> = {}) => ({
    authorization: `Bearer ${await scene.issuer.mint(claims)}`,
  });
  return { ...scene, guard, ask: await application(guard), bearer };
}

describe.each(Object.entries(applications))("behind %s", (_, application) => {
  test("a request that passes reaches the application, which knows who it is from", async () => {
    const { ask, bearer } = await running(application);
    expect(await ask("/orders?x=1", await bearer())).toMatchObject({ status: 200, body: "ada" });
    const lower = (await bearer()).authorization.replace("Bearer", "bearer  ");
    expect(await ask("/orders", { authorization: lower })).toMatchObject({ status: 200 });
  });

  test("every refused token is refused alike, and none of them says why", async () => {
    const { ask, bearer } = await running(application);
    const good = (await bearer()).authorization;
    const answers = await Promise.all(
      [
        await bearer({ sub: "eve" }),
        await bearer({ exp: 1 }),
        await bearer({ iss: "https://stranger.example" }),
        await bearer({ aud: "other" }),
        { authorization: "Bearer nonsense" },
        { authorization: `${good} ` + "x" },
        { authorization: [good, good] },
      ].map((headers) => ask("/orders", headers)),
    );
    for (const answer of answers) expect(visible(answer)).toEqual(visible(answers[0] as Answer));
    expect(visible(answers[0] as Answer)).toEqual({
      status: 401,
      challenge: 'Bearer realm="api", error="invalid_token", error_description="The access token is no longer valid"',
      type: "application/problem+json",
      cache: "no-store",
      retryAfter: undefined,
      length: "58",
      body: '{"type":"about:blank","status":401,"code":"token_invalid"}',
    });
  });

  test("whoever brings no token is not told that one is invalid", async () => {
    const { ask } = await running(application);
    for (const headers of [{}, { authorization: "Basic YTpi" }, { authorization: "Bearer" }, { authorization: "" }])
      expect(visible(await ask("/orders?access_token=x", headers as Record<string, string>))).toMatchObject({
        status: 401,
        challenge: 'Bearer realm="api"',
        body: '{"type":"about:blank","status":401,"code":"token_invalid"}',
      });
  });

  test("where the guard cannot tell, it is 503 with Retry-After, and the route may choose otherwise", async () => {
    const { ask, bearer, clock, feed } = await running(application, {
      stale: (route) => (route === "/menu" ? "allow" : "deny"),
    });
    feed.told.tamper = () => ({ status: 500 });
    clock.advanceSec(31);
    const headers = await bearer();
    expect(visible(await ask("/orders", headers))).toEqual({
      status: 503,
      challenge: undefined,
      type: "application/problem+json",
      cache: "no-store",
      retryAfter: "1",
      length: "62",
      body: '{"type":"about:blank","status":503,"code":"authz_unavailable"}',
    });
    expect(await ask("/menu?day=1", headers)).toMatchObject({ status: 200, body: "ada" });
  });
});

test("all four answer alike", async () => {
  const answers = await Promise.all(
    Object.values(applications).map(async (application) => {
      const { ask, bearer } = await running(application);
      return [visible(await ask("/", await bearer({ exp: 1 }))), visible(await ask("/"))];
    }),
  );
  for (const answer of answers) expect(answer).toEqual(answers[0]);
});

test("a handler that was reached past the guard is told so, not that nobody called", async () => {
  expect(() => bearerOfExpress({})).toThrow("did not pass the guard");
  expect(() => bearerOfFastify({})).toThrow("did not pass the guard");
  expect(() => bearerOfHono({})).toThrow("did not pass the guard");
});

test("a realm that could break out of its header is refused where it is configured", async () => {
  const { guard: create } = await createScene();
  const guard = await create();
  for (const realm of ['a"b', "a\r\nb", "ä", "a\\b"]) expect(() => protectExpress(guard, { realm })).toThrow(TypeError);
});

function visible({ status, headers, body }: Answer) {
  return {
    status,
    challenge: headers["www-authenticate"],
    type: headers["content-type"],
    cache: headers["cache-control"],
    retryAfter: headers["retry-after"],
    length: headers["content-length"] ?? String(Buffer.byteLength(body)),
    body,
  };
}

function exchange(url: string, headers: Record<string, string | string[]>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(url, { headers }, (response) => {
      const chunks: Uint8Array[] = [];
      response.on("data", (chunk: Uint8Array) => chunks.push(chunk));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}
